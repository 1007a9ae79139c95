# bash completion for podctl. The program itself knows its commands and options, so this file never has to.
_podctl() {
	local line=${COMP_LINE:0:COMP_POINT} word=${COMP_WORDS[COMP_CWORD]:0} found
	COMPREPLY=()
	mapfile -t found < <("${COMP_WORDS[0]}" "[suggest:${#line}]" "$line" 2>/dev/null | grep -v '^[-/][?h]')
	mapfile -t COMPREPLY < <(compgen -W '${found[*]}' -- "$word")
}
# Where there is nothing to suggest, a file is meant.
complete -o default -F _podctl podctl
