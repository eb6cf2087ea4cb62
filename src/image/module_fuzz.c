/*
 * Any bytes through module_check. What is accepted must reduce to a module that is accepted too and says the same of itself
 * (the tools see only that one), and that has nothing left to run before _start.
 */
#include <assert.h>

#include "base/limits.h"
#include "image/module.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ModuleInfo info, again;
    Diag diag = {0};
    Err checked = module_check(view_of(data, size), "fuzz.wasm", SEE_MEMORY_MAX, &info, &diag);
    if (checked.code) {
        assert(checked.code == ERR_BAD_INPUT && diag.text[0]);
        return 0;
    }
    AUTO_BUFFER once = buffer_limited(MODULE_BYTES_MAX), twice = buffer_limited(MODULE_BYTES_MAX);
    bool has_start_function, has_still;
    Err reduced = module_reduce(view_of(data, size), &once, &has_start_function);
    assert(reduced.code == 0);
    checked = module_check(view_buffer(&once), "reduced.wasm", SEE_MEMORY_MAX, &again, &diag);
    assert(checked.code == 0);
    assert(again.memory_pages_initial == info.memory_pages_initial && again.memory_pages_max == info.memory_pages_max);
    assert(again.function_count == info.function_count && again.import_modules == info.import_modules);
    assert(again.uses_see_api == info.uses_see_api);

    reduced = module_reduce(view_buffer(&once), &twice, &has_still);
    assert(reduced.code == 0 && !has_still);
    return 0;
}
