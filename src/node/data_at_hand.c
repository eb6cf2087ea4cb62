/* Files known by content: hashing them piece by piece, finding and reading them. */
#include "node/data_at_hand.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "node/hand_parts.h"
#include "sys/fault.h"
#include "sys/fd.h"

enum { PIECE_BYTES = 1 << 20 };

/* --- looking through --- */

/* The file that is being hashed is begun anew: its place in the list may be another now. */
static void stop_hashing(DataAtHand *h)
{
    sha256_run_free(&h->run);
    fd_close(&h->fd);
    h->done = 0;
}

static bool take_over(const DataAtHand *h, HandFiles *files)
{
    bool same = files->count == h->files.count;
    for (uint32_t i = 0; i < files->count; i++) {
        const HandFile *old = hand_files_find(&h->files, files->items[i].path);
        bool known = old && hand_same(&old->stamp, &files->items[i].stamp);
        same &= known;
        if (!known) continue;
        files->items[i].id = old->id;
        files->items[i].hashed = old->hashed;
        files->items[i].unreadable = old->unreadable;
    }
    return same;
}

Err data_at_hand_scan(DataAtHand *h)
{
    HandFiles files = {0};
    Err e = OK;
    for (uint32_t i = 0; !e.code && i < h->folder_count; i++) e = hand_scan_folder(h->folders[i], &files);
    if (e.code) {
        hand_files_free(&files);
        return e;
    }
    hand_files_sort(&files);
    if (take_over(h, &files)) { /* nothing has changed: what is being hashed goes on */
        hand_files_free(&files);
        return OK;
    }
    stop_hashing(h);
    files_close(&h->open);
    hand_files_free(&h->files);
    h->files = files;
    h->at = 0;
    h->version++;
    h->unsaved = true;
    return OK;
}

/* --- hashing --- */

static bool unchanged(int fd, const HandStamp *stamp)
{
    struct stat st;
    if (FAULTABLE("fstat", fstat(fd, &st)) < 0) return false;
    const HandStamp now = hand_stamp(&st);
    return hand_same(&now, stamp);
}

static void next_file(DataAtHand *h)
{
    stop_hashing(h);
    while (h->at < h->files.count && (h->files.items[h->at].hashed || h->files.items[h->at].unreadable)) h->at++;
}

/* A file that cannot be read or that changes while it is read is left out until it has another stamp. */
static void leave_out(DataAtHand *h, HandFile *f)
{
    f->unreadable = true;
    next_file(h);
}

static Err begin_file(DataAtHand *h, HandFile *f)
{
    TRY(sha256_run_new(&h->run));
    Err e = fd_open(AT_FDCWD, f->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0, &h->fd);
    if (e.code || !unchanged(h->fd, &f->stamp)) leave_out(h, f);
    return OK;
}

static Err end_file(DataAtHand *h, HandFile *f)
{
    Sha256 hash;
    TRY(sha256_run_end(h->run, &hash));
    if (!unchanged(h->fd, &f->stamp)) {
        leave_out(h, f);
        return OK;
    }
    memcpy(f->id.bytes, hash.bytes, sizeof hash.bytes);
    f->hashed = true;
    h->version++;
    h->unsaved = true;
    next_file(h);
    return OK;
}

static Err hash_piece(DataAtHand *h, Buffer *piece, uint64_t *budget)
{
    HandFile *f = &h->files.items[h->at];
    if (!h->run) TRY(begin_file(h, f));
    if (!h->run) return OK;
    uint64_t left = f->stamp.size - h->done;
    size_t part = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
    if (fd_pread_all(h->fd, piece->data, part, h->done).code) {
        leave_out(h, f);
        return OK;
    }
    TRY(sha256_run_add(h->run, view_of(piece->data, part)));
    h->done += part;
    *budget -= part < *budget ? part : *budget;
    return h->done == f->stamp.size ? end_file(h, f) : OK;
}

Err data_at_hand_hash(DataAtHand *h, uint64_t bytes, bool *ret_more)
{
    AUTO_BUFFER piece = buffer_limited(PIECE_BYTES);
    TRY(buffer_reserve(&piece, PIECE_BYTES));
    if (!h->run) next_file(h);
    while (bytes && h->at < h->files.count) TRY(hash_piece(h, &piece, &bytes));
    *ret_more = h->at < h->files.count;
    if (!*ret_more) hand_hashes_save(h);
    return OK;
}

HandProgress data_at_hand_progress(const DataAtHand *h)
{
    HandProgress p = {.files = h->files.count, .complete = h->at >= h->files.count, .bytes_hashed = h->done};
    for (uint32_t i = 0; i < h->files.count; i++) {
        const HandFile *f = &h->files.items[i];
        p.bytes += f->stamp.size;
        p.files_hashed += f->hashed;
        if (f->hashed) p.bytes_hashed += f->stamp.size;
    }
    return p;
}

uint64_t data_at_hand_version(const DataAtHand *h) { return h->version; }

/* --- finding and reading --- */

static HandFile *find(const DataAtHand *h, const ObjectId *id, uint64_t size)
{
    for (uint32_t i = 0; i < h->files.count; i++) {
        HandFile *f = &h->files.items[i];
        if (f->hashed && (size == 0 || f->stamp.size == size) && memcmp(&f->id, id, sizeof *id) == 0) return f;
    }
    return NULL;
}

bool data_at_hand_has(const DataAtHand *h, const ObjectId *id, uint64_t size) { return find(h, id, size) != NULL; }

const char *data_at_hand_path(const DataAtHand *h, const ObjectId *id, uint64_t size)
{
    const HandFile *f = find(h, id, size);
    return f ? f->path : NULL;
}

Err data_at_hand_id(DataAtHand *h, const char *path, ObjectId *ret_id, uint64_t *ret_size)
{
    const HandFile *f = hand_files_find(&h->files, path);
    struct stat st;
    if (!f || !f->hashed || FAULTABLE("stat", stat(path, &st)) < 0) return FAIL(ERR_NO_ENTRY);
    const HandStamp now = hand_stamp(&st);
    if (!hand_same(&now, &f->stamp)) return FAIL(ERR_NO_ENTRY);
    *ret_id = f->id;
    *ret_size = f->stamp.size;
    return OK;
}

/* It is not what it was: not at hand from now on, and looked at anew by the next scan. */
static void forget(DataAtHand *h, HandFile *f)
{
    files_close(&h->open); /* a descriptor of the file that was there */
    f->hashed = false;
    f->unreadable = true;
    h->version++;
    h->unsaved = true;
}

static Err read_unchanged(DataAtHand *h, const HandFile *f, uint64_t offset, uint8_t *place, uint64_t size)
{
    int fd;
    TRY(files_get(&h->open, view_text(f->path), &fd));
    if (!unchanged(fd, &f->stamp)) return FAIL(ERR_CORRUPT);
    TRY(fd_pread_all(fd, place, size, offset));
    return unchanged(fd, &f->stamp) ? OK : FAIL(ERR_CORRUPT);
}

Err data_at_hand_read(DataAtHand *h, const ObjectId *id, uint64_t object_size, uint64_t offset, uint8_t *place, uint64_t size)
{
    HandFile *f = find(h, id, object_size);
    if (!f || size > object_size || offset > object_size - size) return FAIL(ERR_NO_ENTRY);
    Err e = read_unchanged(h, f, offset, place, size);
    if (e.code == ERR_CORRUPT || e.code == ENOENT) {
        forget(h, f);
        return FAIL(ERR_CORRUPT);
    }
    return e;
}

static int larger_first(const void *x, const void *y)
{
    uint64_t a = (*(const HandFile *const *)x)->stamp.size, b = (*(const HandFile *const *)y)->stamp.size;
    return a > b ? -1 : a < b;
}

Err data_at_hand_list(const DataAtHand *h, Buffer *b)
{
    const HandFile **files = calloc(h->files.count + 1, sizeof *files);
    if (!files) return FAIL(ENOMEM);
    uint32_t count = 0;
    for (uint32_t i = 0; i < h->files.count; i++)
        if (h->files.items[i].hashed) files[count++] = &h->files.items[i];
    qsort(files, count, sizeof files[0], larger_first);
    Err e = OK;
    for (uint32_t i = 0; !e.code && i < count && i < NODE_DATASETS_MAX; i++)
        e = node_dataset_put(b, &(NodeDataset){.id = files[i]->id, .size = files[i]->stamp.size});
    free(files);
    return e;
}

/* --- birth and death --- */

static Err open_folders(DataAtHand *h, const char *const *folders, uint32_t count, Diag *diag)
{
    if (count > HAND_FOLDERS_MAX) return FAIL_WHY(diag, ERR_LIMIT, "more than %d folders of data; put them below one", HAND_FOLDERS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        AUTO_FD fd = -1;
        TRY_WHY(diag, fd_open(AT_FDCWD, folders[i], O_RDONLY | O_DIRECTORY, 0, &fd), "%s: cannot open the folder of data", folders[i]);
        h->folders[i] = realpath(folders[i], NULL);
        if (!h->folders[i]) return FAIL_WHY(diag, errno, "%s: cannot find the folder of data", folders[i]);
        h->folder_count++;
    }
    TRY_WHY(diag, data_at_hand_scan(h), "no memory for the list of data");
    TRY_WHY(diag, hand_hashes_load(h), "no memory for the hashes of data");
    return OK;
}

Err data_at_hand_new(const char *const *folders, uint32_t count, const char *hashes, DataAtHand **ret_hand, Diag *diag)
{
    DataAtHand *h = calloc(1, sizeof *h);
    if (!h) return FAIL_WHY(diag, ENOMEM, "no memory for the list of data");
    h->fd = -1;
    h->hashes = hashes ? strdup(hashes) : NULL;
    Err e = hashes && !h->hashes ? FAIL_WHY(diag, ENOMEM, "no memory for the list of data") : open_folders(h, folders, count, diag);
    if (e.code) {
        data_at_hand_free(&h);
        return e;
    }
    *ret_hand = h;
    return OK;
}

void data_at_hand_free(DataAtHand **hand)
{
    DataAtHand *h = *hand;
    if (!h) return;
    *hand = NULL;
    hand_hashes_save(h);
    stop_hashing(h);
    files_close(&h->open);
    hand_files_free(&h->files);
    for (uint32_t i = 0; i < h->folder_count; i++) free(h->folders[i]);
    free(h->hashes);
    free(h);
}
