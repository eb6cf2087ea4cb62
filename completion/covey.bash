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

_covey_key() {
    case $1 in
    new) _covey_words '--passphrase --replace --help' ;;
    show) _covey_words '--sealing --node --help' ;;
    rotate) _covey_words '--passphrase --help' ;;
    trust) _covey_words '--comment --help' ;;
    revoke) _covey_words '--since --comment --help' ;;
    *) _covey_words 'new show rotate trust revoke --help' ;;
    esac
}

_covey_audit() {
    case $1 in
    show) _covey_words '--event --task --json --help'; _covey_files '*.log' ;;
    verify) _covey_words '--key --help'; _covey_files '*.log' ;;
    *) _covey_words 'show verify --help' ;;
    esac
}

_covey_budget() {
    case $1 in
    show) _covey_words '--json --state --help' ;;
    set) _covey_words '--epsilon --delta --rho --zcdp --state --help'; _covey_files '*.sealed' ;;
    *) _covey_words 'show set --help' ;;
    esac
}

_covey_bus() {
    case $1 in
    config) _covey_words '--store --node --manager --broker --listen --tls-cert --tls-key --tls-ca --name --cluster --cluster-listen --route --help' ;;
    *) _covey_words 'config --help' ;;
    esac
}

_covey_pto() {
    local common='--log --models --seed --case --activity --time --attribute --json --help'
    case $1 in
    train) _covey_words "$common --output --epochs --threads"; _covey_files '*' ;;
    eval) _covey_words "$common --protocol --epochs --threads --frozen --validation"; _covey_files '*' ;;
    explain) _covey_words "$common --session --events --checkpoint"; _covey_files '*' ;;
    run)
        _covey_words '--stream --stage --mode --memory --stage-rate --stage-burst --model --learn --learn-events --speedup --session-column --task-column --time-column --attribute --bin --future --no-history --state --user --help'
        _covey_files '*.y*ml'
        ;;
    export) _covey_words '--help'; _covey_files '*.db' ;;
    stage) _covey_words '--stage --zygotes --data-only --keep --state --help'; _covey_files '*.y*ml' ;;
    key) _covey_words '--state --help' ;;
    *) _covey_words 'train eval explain run export stage key --help' ;;
    esac
}

_covey_command() {
    case $1 in
    run) _covey_words '--resume --output --jobs --json --quiet --keybroker --bus --wait --lease --replicas --data --explain --dry-run --records --tls-ca --key --help'; _covey_files '*.y*ml' ;;
    map) _covey_words '--image --module --split --target --combine --level --memory --lifetime --jobs --json --quiet --help' ;;
    image) if ((COMP_CWORD == 2)); then _covey_image ''; else _covey_image "${COMP_WORDS[2]}"; fi ;;
    key) if ((COMP_CWORD == 2)); then _covey_key ''; else _covey_key "${COMP_WORDS[2]}"; fi ;;
    bus) if ((COMP_CWORD == 2)); then _covey_bus ''; else _covey_bus "${COMP_WORDS[2]}"; fi ;;
    audit) if ((COMP_CWORD == 2)); then _covey_audit ''; else _covey_audit "${COMP_WORDS[2]}"; fi ;;
    budget) if ((COMP_CWORD == 2)); then _covey_budget ''; else _covey_budget "${COMP_WORDS[2]}"; fi ;;
    attest) _covey_words '--appraise --collateral --time --json --kind --nonce --enrol --challenge --activate --accept --name --help' ;;
    seal) _covey_words '--output --policy --by --target --no-header --group-by --segments --supersedes --hide-columns --json --help'; _covey_files '*' ;;
    unseal) _covey_words '--output --at-least --inspect --json --help'; _covey_files '*.sealed' ;;
    keybroker) _covey_words '--listen --bus --tls-ca --key --state --collateral --node --help' ;;
    node) _covey_words '--bus --name --zone --owner --price --spot --notice --notice-file --data --cache --cache-size --cores --tls-ca --key --help' ;;
    pto) if ((COMP_CWORD == 2)); then _covey_pto ''; else _covey_pto "${COMP_WORDS[2]}"; fi ;;
    serve) _covey_words '--listen --token-file --tls-cert --tls-key --client-ca --stream --pto-user --stage --stage-memory --keybroker --cores --help'; _covey_files '*.y*ml' ;;
    replay)
        _covey_words '--log --url --stream --mode --speedup --from --requests --model --memory --stage-rate --equal-bytes --session-column --task-column --time-column --body --token-file --json --help'
        _covey_files '*.y*ml'
        ;;
    manager) _covey_words '--bus --tasks --state --at-once --lease --replicas --data --tls-ca --key --help' ;;
    simulate) _covey_words '--seed --policy --json --explain --help'; _covey_files '*.y*ml' ;;
    doctor) _covey_words '--json --help' ;;
    bench) _covey_words '--json' ;;
    esac
}

_covey() {
    local cur=${COMP_WORDS[COMP_CWORD]}
    COMPREPLY=()
    case ${COMP_WORDS[COMP_CWORD - 1]} in
    --image | -i) _covey_files '*.see' ;;
    --module) _covey_files '*.wasm' ;;
    --split | -s) _covey_words 'lines csv jsonl fixed:' ;;
    --combine | -c) _covey_words 'concat sum sum-by-key min max mean top: module:' ;;
    --level | -l) _covey_words 'shared process' ;;
    --mode | -m)
        case ${COMP_WORDS[1]} in
        replay) _covey_words 'all learned histogram lookahead off oracle' ;;
        pto) if [ "${COMP_WORDS[2]}" = run ]; then _covey_words 'learned histogram lookahead off oracle'; else _covey_words 'ppm counts lstm transformer'; fi ;;
        map) _covey_files '*.wasm' ;;
        esac
        ;;
    --models) _covey_words 'ppm counts lstm transformer' ;;
    --protocol) _covey_words 'chrono80 tax gentd26' ;;
    --user | --pto-user | -u) _covey_words "$(compgen -u)" ;;
    --keybroker) _covey_words 'unix: nats' ;;
    --kind) _covey_words 'node-key tpm2 sev-snp tdx' ;;
    --event | -e) _covey_words 'key-release key-refusal image-trust appraisal session policy key-change stage prefetch prefetch-refusal claim claim-refusal eviction recovery' ;;
    --policy | -p)
        if [ "${COMP_WORDS[1]}" = simulate ]; then _covey_words 'all covey random round-robin least-loaded two-choices locality cheapest'; else _covey_files '*.y*ml'; fi
        ;;
    --supersedes) _covey_files '*.sealed' ;;
    --by | -b) _covey_words 'lines csv jsonl fixed: file' ;;
    --output | -o | --appraise | --collateral | --data | --tasks | --state | --cache | --store | --tls-ca | --key | --notice-file | --token-file | --model | --learn | --future | --stream | --stage | --log | --checkpoint | --tls-cert | --tls-key | --client-ca) _covey_files '*' ;;
    *)
        if ((COMP_CWORD == 1)); then _covey_words 'run map image key seal unseal keybroker node serve replay manager bus attest audit budget pto simulate doctor bench --help --version'; else _covey_command "${COMP_WORDS[1]}"; fi
        ;;
    esac
}

complete -o filenames -F _covey covey
