/** Text from outside, made fit for an error message: printable, cut to size, so that a hostile file can't write to the terminal. */
#pragma once
#include "base/bytes.h"

typedef struct { char text[64]; } Quoted;

/** Bytes outside printable ASCII become \xNN; longer texts end in "...". */
Quoted quoted(View text);
