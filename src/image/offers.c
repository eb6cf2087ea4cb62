/*
 * The table of what a module may import. It must name what src/see implements: an image with an import that has no
 * implementation does not link, and image/build_test links one that imports everything here.
 * source: WASI legacy preview1, witx/wasi_snapshot_preview1.witx
 */
#include "image/offers.h"

#define WASI(function, params) {OFFER_MODULE_WASI, function, params, "i"}

static const Offer OFFERS[] = {
    WASI("args_get", "ii"),
    WASI("args_sizes_get", "ii"),
    WASI("clock_res_get", "ii"),
    WASI("clock_time_get", "iIi"),
    WASI("environ_get", "ii"),
    WASI("environ_sizes_get", "ii"),
    WASI("fd_advise", "iIIi"),
    WASI("fd_allocate", "iII"),
    WASI("fd_close", "i"),
    WASI("fd_datasync", "i"),
    WASI("fd_fdstat_get", "ii"),
    WASI("fd_fdstat_set_flags", "ii"),
    WASI("fd_fdstat_set_rights", "iII"),
    WASI("fd_filestat_get", "ii"),
    WASI("fd_filestat_set_size", "iI"),
    WASI("fd_filestat_set_times", "iIIi"),
    WASI("fd_pread", "iiiIi"),
    WASI("fd_prestat_dir_name", "iii"),
    WASI("fd_prestat_get", "ii"),
    WASI("fd_pwrite", "iiiIi"),
    WASI("fd_read", "iiii"),
    WASI("fd_readdir", "iiiIi"),
    WASI("fd_renumber", "ii"),
    WASI("fd_seek", "iIii"),
    WASI("fd_sync", "i"),
    WASI("fd_tell", "ii"),
    WASI("fd_write", "iiii"),
    WASI("path_create_directory", "iii"),
    WASI("path_filestat_get", "iiiii"),
    WASI("path_filestat_set_times", "iiiiIIi"),
    WASI("path_link", "iiiiiii"),
    WASI("path_open", "iiiiiIIii"),
    WASI("path_readlink", "iiiiii"),
    WASI("path_remove_directory", "iii"),
    WASI("path_rename", "iiiiii"),
    WASI("path_symlink", "iiiii"),
    WASI("path_unlink_file", "iii"),
    WASI("poll_oneoff", "iiii"),
    {OFFER_MODULE_WASI, "proc_exit", "i", ""},
    WASI("proc_raise", "i"),
    WASI("random_get", "ii"),
    WASI("sched_yield", ""),
    WASI("sock_accept", "iii"),
    WASI("sock_recv", "iiiiii"),
    WASI("sock_send", "iiiii"),
    WASI("sock_shutdown", "ii"),
    {OFFER_MODULE_SEE, "SEE_Prefetch_Available", "ii", "i"},
    {OFFER_MODULE_SEE, "SEE_Claim_Prefetch", "ii", "i"},
    {OFFER_MODULE_SEE, "SEE_Map_Prefetch", "iii", "i"},
};

const Offer *offer_find(View module, View function)
{
    for (size_t i = 0; i < sizeof OFFERS / sizeof OFFERS[0]; i++)
        if (view_equal(module, view_text(OFFERS[i].module)) && view_equal(function, view_text(OFFERS[i].function)))
            return &OFFERS[i];
    return NULL;
}

bool offer_has_module(View module)
{
    return view_equal(module, VIEW(OFFER_MODULE_WASI)) || view_equal(module, VIEW(OFFER_MODULE_SEE));
}
