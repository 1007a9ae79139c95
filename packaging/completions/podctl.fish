# fish completion for podctl. The program itself knows its commands and options, so this file never has to.
function __podctl_suggest
    set -l line (commandline -cp)
    podctl "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null | string match -rv '^([-/][?h])?$'
end
complete -c podctl -a '(__podctl_suggest)'
