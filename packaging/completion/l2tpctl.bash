# bash completion for l2tpctl. The program itself knows its commands, options and names:
# "l2tpctl __complete WORD..." prints what the last word may become, with a tab before what it is.
_l2tpctl() {
  local words=() word previous= line i
  # bash cuts words at '=' and ':'; they are put together again.
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if ((${#words[@]})) && [[ $word == [=:] || $previous == [=:] ]]; then
      words[-1]+=$word
    else
      words+=("$word")
    fi
    previous=$word
  done
  local current=${COMP_WORDS[COMP_CWORD]}
  [[ $current == "=" ]] && current=
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == :file ]]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$current")
    else
      COMPREPLY+=("${line%%$'\t'*}")
    fi
  done < <("$1" __complete "${words[@]}" 2>/dev/null)
}
complete -F _l2tpctl l2tpctl
