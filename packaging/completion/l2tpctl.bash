# Completion of l2tpctl for bash. Names come from the daemon; without one there are none.
_l2tpctl() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} word i words=() candidates=
  local globals='-h --help -j --json --bus -w --wait --no-wait --no-color'
  case $prev in
    --bus | -w | --wait | --profile | --peer | --user | --iface) return ;;
    --state) COMPREPLY=($(compgen -W 'idle resolving connecting established closing failed backoff authenticating configuring up' -- "$cur")); return ;;
    --tunnel) COMPREPLY=($(compgen -W "$(_l2tpctl_tunnels)" -- "$cur")); return ;;
  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    case $word in
      --bus | -w | --wait | --state | --profile | --peer | --tunnel | --user | --iface) ((i++)) ;;
      -*) ;;
      *) words+=("$word") ;;
    esac
  done
  case "${words[0]-} ${words[1]-}" in
    ' ') candidates='status tunnel session up down reload version' ;;
    'tunnel ') candidates='list show start stop' ;;
    'session ') candidates='list show close' ;;
    'tunnel list') globals+=' --profile --state --peer' ;;
    'session list') globals+=' --tunnel --user --iface --state' ;;
    'session show' | 'session close') candidates=$(_l2tpctl_sessions) ;;
    'status '* | 'tunnel show' | 'tunnel st'* | 'up '* | 'down '*) candidates=$(_l2tpctl_tunnels) ;;
  esac
  [[ $cur == -* ]] && candidates=$globals
  COMPREPLY=($(compgen -W "$candidates" -- "$cur"))
}
_l2tpctl_tunnels() { l2tpctl --no-color tunnel list 2>/dev/null | awk 'NR > 1 { print $1 }'; }
_l2tpctl_sessions() { l2tpctl --no-color session list 2>/dev/null | awk 'NR > 1 { print $1 }'; }
complete -F _l2tpctl l2tpctl
