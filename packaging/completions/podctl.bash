# bash completion for podctl. The program itself knows its commands and options, so this file never has to.
_podctl() {
	local line=${COMP_LINE:0:COMP_POINT} word=${COMP_WORDS[COMP_CWORD]} found
	# Options only when one is begun: else a file may be meant, which the shell offers when nothing is found here.
	local unwanted='^$|^-'
	[[ $word == -* ]] && unwanted='^$|^-[?h]$'
	mapfile -t found < <("${COMP_WORDS[0]}" "[suggest:${#line}]" "$line" 2>/dev/null | grep -Ev "$unwanted|^/")
	mapfile -t COMPREPLY < <(compgen -W '${found[*]}' -- "$word")
}
complete -o default -F _podctl podctl
