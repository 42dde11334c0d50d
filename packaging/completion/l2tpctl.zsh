#compdef l2tpctl
# zsh completion for l2tpctl. The program itself knows its commands, options and names:
# "l2tpctl __complete WORD..." prints what the last word may become, with a tab before what it is.
_l2tpctl() {
  local line files=0
  local -a candidates
  for line in "${(@f)$(${(Q)words[1]} __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
    case $line in
      '') ;;
      :file) files=1 ;;
      *$'\t'*) candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
      *) candidates+=("${line//:/\\:}") ;;
    esac
  done
  compset -P '--[^=]#='
  ((files)) && _files
  (($#candidates)) && _describe -t values l2tpctl candidates
}
# Autoloaded from fpath, or sourced.
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _l2tpctl "$@"
else
  compdef _l2tpctl l2tpctl
fi
