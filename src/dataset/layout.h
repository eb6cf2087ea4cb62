/** The bytes of a sealed file that are not sealed: header, index entries, end. Little-endian. docs/formats/sealed.md */
#pragma once
#include "dataset/sealed.h"

enum { HEADER_BYTES = 36, ENTRY_BYTES = 56, END_BYTES = 32, SEALED_FORMAT = 1, SEALED_CHUNK_BYTES = STREAM_CHUNK_BYTES + AEAD_TAG_BYTES,
       BATCH_CHUNKS = 16 /* sealed or opened for one system call */ };

typedef struct { uint64_t index_offset, footer_offset, footer_size; } SealedEnd;

void header_write(const DatasetName *name, uint8_t ret_bytes[HEADER_BYTES]);
/** Whether it begins like a sealed file at all. */
bool header_has_magic(const uint8_t bytes[8]);
/** errors: ERR_BAD_INPUT (no sealed file, or a format that we don't know) */
MUST_USE Err header_read(const uint8_t bytes[HEADER_BYTES], DatasetName *ret_name, Diag *diag);
void entry_write(const SealedSegment *segment, uint8_t ret_bytes[ENTRY_BYTES]);
void entry_read(const uint8_t bytes[ENTRY_BYTES], SealedSegment *ret_segment);
void end_write(const SealedEnd *end, uint8_t ret_bytes[END_BYTES]);
/** false: no end of a sealed file. */
bool end_read(const uint8_t bytes[END_BYTES], SealedEnd *ret_end);
