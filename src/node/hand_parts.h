/** What data_at_hand.c (hashing, reading), hand_scan.c (looking through folders) and hand_hashes.c (the file of hashes) share. */
#pragma once
#include <sys/stat.h>

#include "crypto/sha256.h"
#include "node/data_at_hand.h"
#include "node/files.h"

/** What must be the same for a file to be the same. */
typedef struct { uint64_t device, inode, size, mtime_ns, ctime_ns; } HandStamp;

typedef struct { char *path; HandStamp stamp; bool hashed, unreadable; ObjectId id; } HandFile;
typedef struct { HandFile *items; uint32_t count, room; } HandFiles;

struct DataAtHand {
    char *folders[HAND_FOLDERS_MAX];
    uint32_t folder_count;
    char *hashes;
    HandFiles files;          /* by path */
    FileCache open;
    Sha256Run *run;           /* of the file at `at`, up to `done` */
    uint32_t at;
    uint64_t done;
    int fd;
    uint64_t version;
    bool unsaved;
};

HandStamp hand_stamp(const struct stat *st);
bool hand_same(const HandStamp *x, const HandStamp *y);
/** A file that was written to this recently may be written to again without a later time: its hash is not kept for another run. */
bool hand_settled(const HandStamp *s, uint64_t wall_ns);

/** Takes `path` (malloc) on success. errors: ENOMEM, ERR_LIMIT (HAND_FILES_MAX) */
MUST_USE Err hand_files_add(HandFiles *f, char *path, const HandStamp *stamp);
void hand_files_free(HandFiles *f);
HandFile *hand_files_find(const HandFiles *f, const char *path);
void hand_files_sort(HandFiles *f);

/** hand_scan.c: every regular file below, up to HAND_FILES_MAX. errors: ENOMEM */
MUST_USE Err hand_scan_folder(const char *folder, HandFiles *files);

/** hand_hashes.c. Loading takes what fits to the files at hand; a damaged file counts as none. */
MUST_USE Err hand_hashes_load(DataAtHand *h);
/** That it cannot be saved is no error: it is tried again after the next file. */
void hand_hashes_save(DataAtHand *h);
