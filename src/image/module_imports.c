/* The import section: only functions, only those that a SEE offers, only with the type that it offers. */
#include <stdio.h>

#include "image/module_parts.h"
#include "image/offers.h"

const char *module_name_text(View name, char ret_text[NAME_TEXT_BYTES])
{
    size_t size = 0;
    for (; size < name.size && size < NAME_TEXT_BYTES - 1; size++)
        ret_text[size] = name.data[size] >= ' ' && name.data[size] <= '~' ? (char)name.data[size] : '?';
    ret_text[size] = '\0';
    return ret_text;
}

static bool types_are(View types, const char *letters)
{
    if (types.size != strlen(letters)) return false;
    for (size_t i = 0; i < types.size; i++)
        if (types.data[i] != (letters[i] == 'I' ? WASM_I64 : WASM_I32)) return false;
    return true;
}

/* "(i32, i64) -> (i32)" */
static void signature_text(const Offer *offer, char *text, size_t room)
{
    size_t used = 0;
    const char *const parts[2] = {offer->params, offer->results};
    for (int part = 0; part < 2; part++) {
        used += (size_t)snprintf(text + used, room - used, part ? ") -> (" : "(");
        for (const char *c = parts[part]; *c; c++)
            used += (size_t)snprintf(text + used, room - used, "%s%s", c == parts[part] ? "" : ", ", *c == 'I' ? "i64" : "i32");
    }
    snprintf(text + used, room - used, ")");
}

static const char *advice(View module)
{
    if (view_equal(module, VIEW("wasi_unstable"))) return "; rebuild the module with a current WASI SDK";
    if (view_equal(module, VIEW("env"))) return "; the function is missing in the module: link what defines it";
    return "";
}

static Err function_check(Parts *p, View module, View function, uint32_t type)
{
    char module_text[NAME_TEXT_BYTES], function_text[NAME_TEXT_BYTES], signature[128];
    const Offer *offer = offer_find(module, function);
    if (!offer)
        return REFUSE(p, "import %s.%s is not offered inside a SEE, only WASI preview 1 and `see` are%s",
                      module_name_text(module, module_text), module_name_text(function, function_text), advice(module));
    if (type >= p->type_count) return MALFORMED(p, "import");
    if (types_are(p->types[type].params, offer->params) && types_are(p->types[type].results, offer->results)) return OK;
    signature_text(offer, signature, sizeof signature);
    return REFUSE(p, "import %s.%s has the wrong type; it is %s", offer->module, offer->function, signature);
}

static Err import_read(Parts *p, Reader *r, uint64_t *modules_seen)
{
    static const char *const KINDS[] = {"function", "table", "memory", "global", "tag"};
    View module = wasm_name(r), function = wasm_name(r);
    uint8_t kind = read_u8(r);
    if (r->bad || kind >= sizeof KINDS / sizeof KINDS[0]) return MALFORMED(p, "import");
    if (kind != WASM_EXTERN_FUNC) {
        char module_text[NAME_TEXT_BYTES], name_text[NAME_TEXT_BYTES];
        return REFUSE(p, "import %s.%s is a %s; a SEE offers only functions, so the module must define its own",
                      module_name_text(module, module_text), module_name_text(function, name_text), KINDS[kind]);
    }
    uint32_t type = wasm_u32(r);
    if (r->bad) return MALFORMED(p, "import");
    TRY(function_check(p, module, function, type));
    *modules_seen |= view_equal(module, VIEW(OFFER_MODULE_SEE)) ? 2 : 1;
    p->type_of[p->function_count++] = type;
    return OK;
}

Err module_read_imports(Parts *p, uint64_t *ret_modules_seen)
{
    uint64_t seen = 0;
    View body = p->sections.bodies[WASM_IMPORT];
    if (body.data) {
        Reader r = reader_of(body);
        uint32_t count = wasm_u32(&r);
        if (r.bad) return MALFORMED(p, "import");
        if (count > MODULE_IMPORTS_MAX) return REFUSE(p, "%u imports, more than %d", count, MODULE_IMPORTS_MAX);
        for (uint32_t i = 0; i < count; i++) TRY(import_read(p, &r, &seen));
        if (!reader_done(&r)) return MALFORMED(p, "import");
    }
    p->imported_count = p->function_count;
    *ret_modules_seen = seen;
    return OK;
}
