/* A module that tells what it saw in every way but its value: TELL says how. What it saw is the number of records with "secret" in them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    static char line[4096];
    const char *how = argc > 1 ? argv[1] : "";
    int found = 0;
    while (fgets(line, sizeof line, stdin)) found |= strstr(line, "secret") != NULL;
    if (found && strcmp(how, "exit") == 0) return 7;
    if (found && strcmp(how, "log") == 0) fprintf(stderr, "seen\n");
    if (found && strcmp(how, "death") == 0) abort();
    if (found && strcmp(how, "time") == 0) for (;;) continue;
    for (int i = 0; i < 100000 && found && strcmp(how, "length") == 0; i++) printf("1 ");
    if (found && strcmp(how, "value") == 0) printf("1000000000\n");
    printf("5\n");
    return 0;
}
