# fish completion for podagent. The program itself knows its commands and options, so this file never has to.
function __podagent_suggest
    set -l line (commandline -cp)
    # Options only when one is begun.
    set -l unwanted '^$|^-|^/'
    string match -q -- '-*' (commandline -ct); and set unwanted '^$|^-[?h]$|^/'
    podagent "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null | string match -rv -- $unwanted
end
complete -c podagent -a '(__podagent_suggest)'
