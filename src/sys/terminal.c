/*
 * Asking at the terminal. Signals of the keyboard and line editing are off meanwhile and done here, so that the terminal is put right again whatever
 * the user types.
 */
#include "sys/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "sys/fault.h"
#include "sys/fd.h"

enum { CTRL_C = 3, CTRL_D = 4, BACKSPACE = 8, CTRL_U = 21, CTRL_BACKSLASH = 28, DELETE = 127 };

static Err read_line(int fd, char *ret_text, size_t room)
{
    size_t size = 0;
    for (;;) {
        uint8_t c;
        size_t got;
        TRY(fd_read(fd, &c, 1, &got));
        if (got == 0 || c == CTRL_C || c == CTRL_D || c == CTRL_BACKSLASH) return FAIL(ERR_INTERRUPTED);
        if (c == '\n' || c == '\r') break;
        if (c == CTRL_U) size = 0;
        else if (c == BACKSPACE || c == DELETE) size -= size > 0;
        else if (size == room - 1) return FAIL(ERR_LIMIT);
        else ret_text[size++] = (char)c;
    }
    ret_text[size] = '\0';
    return OK;
}

Err terminal_ask(const char *prompt, char *ret_text, size_t room)
{
    AUTO_FD fd = -1;
    struct termios before, hidden;
    if (fd_open(AT_FDCWD, "/dev/tty", O_RDWR | O_NOCTTY, 0, &fd).code) return FAIL(ENXIO);
    if (FAULTABLE("tcgetattr", tcgetattr(fd, &before)) < 0) return FAIL(ENXIO);
    hidden = before;
    hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG);
    hidden.c_cc[VMIN] = 1;
    hidden.c_cc[VTIME] = 0;
    if (FAULTABLE("tcsetattr", tcsetattr(fd, TCSAFLUSH, &hidden)) < 0) return FAIL(errno);
    Err error = fd_write_all(fd, view_text(prompt));
    if (error.code == 0) error = read_line(fd, ret_text, room);
    (void)!write(fd, "\n", 1);
    if (tcsetattr(fd, TCSAFLUSH, &before) < 0 && error.code == 0) error = FAIL(errno);
    if (error.code) explicit_bzero(ret_text, room);
    return error;
}
