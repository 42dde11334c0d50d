# fish completion for l2tpctl. The program itself knows its commands, options and names:
# "l2tpctl __complete WORD..." prints what the last word may become, with a tab before what it is.
function __l2tpctl_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l before (string match -r -- '^--[^=]*=' $current)
    for line in (command $words[1] __complete $words[2..-1] $current 2>/dev/null)
        if test "$line" = :file
            __fish_complete_path (string replace -- "$before" '' $current)
        else
            echo "$before$line"
        end
    end
end
complete -c l2tpctl -f -a '(__l2tpctl_complete)'
