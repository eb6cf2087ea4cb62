# Bash completion for covey. tests/e2e/help.bats checks that it knows every option that --help prints.

_covey_words() { mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$1" -- "$cur"); }
_covey_files() { mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$cur"; compgen -f -X "!$1" -- "$cur"); }

_covey_image() {
    case $1 in
    build) _covey_words '--output --json --help'; _covey_files '*.wasm' ;;
    inspect) _covey_words '--json --help'; _covey_files '*.see' ;;
    verify) _covey_words '--help'; _covey_files '*.see' ;;
    *) _covey_words 'build inspect verify --help' ;;
    esac
}

_covey_command() {
    case $1 in
    run) _covey_words '--resume --output --jobs --json --quiet --bus --help'; _covey_files '*.y*ml' ;;
    map) _covey_words '--image --module --split --target --combine --level --memory --lifetime --jobs --json --quiet --help' ;;
    image) if ((COMP_CWORD == 2)); then _covey_image ''; else _covey_image "${COMP_WORDS[2]}"; fi ;;
    key) _covey_words 'show --help' ;;
    doctor) _covey_words '--json --help' ;;
    bench) _covey_words '--json' ;;
    esac
}

_covey() {
    local cur=${COMP_WORDS[COMP_CWORD]}
    COMPREPLY=()
    case ${COMP_WORDS[COMP_CWORD - 1]} in
    --image | -i) _covey_files '*.see' ;;
    --module | -m) _covey_files '*.wasm' ;;
    --split | -s) _covey_words 'lines csv jsonl fixed:' ;;
    --combine | -c) _covey_words 'concat sum sum-by-key min max mean top: module:' ;;
    --level | -l) _covey_words 'shared process' ;;
    --output | -o) _covey_files '*' ;;
    *)
        if ((COMP_CWORD == 1)); then _covey_words 'run map image key doctor bench --help --version'; else _covey_command "${COMP_WORDS[1]}"; fi
        ;;
    esac
}

complete -o filenames -F _covey covey
