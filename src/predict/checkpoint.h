/**
 * Checkpoints as bytes: a bounded reader and a writer of little-endian fields, closed by a CRC-32. docs/formats/checkpoint.md
 */
#pragma once
#include "predict/predictor_parts.h"

enum { CHECKPOINT_VERSION = 1, CHECKPOINT_BYTES_MAX = 96 << 20 };
#define CHECKPOINT_MAGIC "COVEYPTO"

/** CRC-32 as in zip and gzip (ISO-HDLC). */
uint32_t checkpoint_crc(View bytes);
