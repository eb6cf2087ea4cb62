# A TPM of the test's own, its state in ./state: start_tpm sets $tpm, its process, and where covey and the tools find it.

start_tpm() { # on two neighbouring ports; a taken one ends swtpm at once: then others
    for _ in 1 2 3 4 5; do
        port=$((30000 + (RANDOM % 5000) * 2))
        mkdir -p state
        swtpm socket --tpm2 --tpmstate dir=state --server "type=tcp,bindaddr=127.0.0.1,port=$port" \
            --ctrl "type=tcp,bindaddr=127.0.0.1,port=$((port + 1))" --flags not-need-init,startup-clear 3>&- &
        tpm=$!
        disown "$tpm"
        for _ in $(seq 50); do
            kill -0 "$tpm" 2>/dev/null || continue 2
            (exec 4<>"/dev/tcp/127.0.0.1/$((port + 1))") 2>/dev/null || { sleep 0.1; continue; }
            export COVEY_TCTI=swtpm:host=127.0.0.1,port=$port TPM2TOOLS_TCTI=swtpm:host=127.0.0.1,port=$port
            return
        done
        kill -9 "$tpm"
    done
    return 1
}
