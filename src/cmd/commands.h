/** The subcommands. Each gets its own arguments, without its name, and returns the exit code. */
#pragma once

int command_run(int argc, char **argv);
int command_map(int argc, char **argv);
int command_image(int argc, char **argv);
int command_key(int argc, char **argv);
int command_pto(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_serve(int argc, char **argv);
int command_bus(int argc, char **argv);
int command_node(int argc, char **argv);
int command_manager(int argc, char **argv);
int command_keybroker(int argc, char **argv);
int command_attest(int argc, char **argv);
int command_audit(int argc, char **argv);
int command_budget(int argc, char **argv);
int command_seal(int argc, char **argv);
int command_unseal(int argc, char **argv);
int command_simulate(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_bench(int argc, char **argv);
int command_warden(int argc, char **argv);
