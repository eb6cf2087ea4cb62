/*
 * Does a module become an image that runs, is the same everywhere, and is taken from the cache only when that changes nothing?
 * Is every failure on the way said clearly, and is nothing left behind?
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "image/build_fixture.h"
#include "image/cache.h"

static ImageBuilt build_request(const ImageBuildRequest *r)
{
    ImageBuilt built;
    Diag diag = {0};
    Err error = image_build(r, &built, &diag);
    ck_assert_msg(error.code == 0, "%s at %s: %s", err_text(error.code), error.at, diag.text);
    return built;
}

static ImageBuilt build(void)
{
    ImageBuildRequest r = request(in_home("job.see"));
    return build_request(&r);
}

static void expect_failure(int code, const char *sentence)
{
    ImageBuildRequest r = request(in_home("job.see"));
    ImageBuilt built = {.seconds = -1};
    Diag diag = {0};
    ck_assert_err(image_build(&r, &built, &diag), code);
    ck_assert_msg(strstr(diag.text, sentence), "\"%s\" does not say \"%s\"", diag.text, sentence);
    ck_assert(built.seconds < 0);
    ck_assert_int_ne(access(in_home("job.see"), F_OK), 0);
    shell("test -z \"$(ls -A %s)\"", in_home("tmp"));
}

/* What an image writes when it is run as an ordinary program. */
static void expect_output(const char *expected)
{
    shell("cp %s %s && chmod 700 %s && test \"$(%s)\" = '%s'", in_home("job.see"), in_home("job"), in_home("job"), in_home("job"),
          expected);
}

START_TEST(a_module_becomes_an_image_that_runs)
{
    set_up();
    module(WRITES_B ")");
    build();
    expect_output("B");
    shell("test -z \"$(ls -A %s)\"", in_home("tmp"));
    tear_down();
}
END_TEST

START_TEST(the_start_function_runs_before_start)
{
    set_up();
    module(WRITES_B "(func $first (i32.store8 (i32.const 16) (i32.const 65)) (call $say) "
                    "(i32.store8 (i32.const 16) (i32.const 66))) (start $first))");
    build();
    expect_output("AB");
    tear_down();
}
END_TEST

START_TEST(the_manifest_says_what_was_built)
{
    set_up();
    module(WRITES_B ")");
    ImageBuilt built = build();
    AUTO_BUFFER image = content_of(built.path), wasm = content_of(in_home("job.wasm"));
    ImageInfo info;
    Sha256 hash;
    ck_assert_ok(image_parse(view_buffer(&image), &info, NULL));
    sha256_of(view_buffer(&wasm), &hash);
    ck_assert(info.is_signed);
    ck_assert_mem_eq(info.manifest.module_hash, hash.bytes, sizeof hash.bytes);
    ck_assert_mem_eq(&info.measurement, &built.measurement, sizeof built.measurement);
    ck_assert_uint_eq(info.manifest.memory_pages_initial, 1);
    ck_assert_uint_eq(info.manifest.memory_pages_max, 3);
    ck_assert_uint_eq(info.manifest.flags, 0);
    ck_assert_ptr_nonnull(strstr(info.manifest.builder, "wasm2c 1.0.32"));
    ck_assert_ptr_nonnull(strstr(info.manifest.builder, "gcc"));
    tear_down();
}
END_TEST

START_TEST(two_builds_in_two_folders_give_the_same_bytes)
{
    set_up();
    module(WRITES_B ")");
    build();
    AUTO_BUFFER first = content_of(in_home("job.see"));

    /* Everything elsewhere: module, runtime, temporary files, cache, working folder, time zone; and what gcc would listen to. */
    shell("cd %s && mkdir -p other/tmp && cp job.wasm other/another-name.wasm && cp -r see other/runtime && mkdir other/decoy && "
          "echo '#error decoy' > other/decoy/wasm-rt.h", home);
    setenv("COVEY_SEE_DIR", in_home("other/runtime"), 1);
    setenv("XDG_CACHE_HOME", in_home("other/cache"), 1);
    setenv("TMPDIR", in_home("other/tmp"), 1);
    setenv("CPATH", in_home("other/decoy"), 1);
    setenv("SOURCE_DATE_EPOCH", "1", 1);
    setenv("TZ", "Asia/Tokyo", 1);
    ck_assert_int_eq(chdir(in_home("other")), 0);
    ImageBuildRequest elsewhere = {
        .module_path = "another-name.wasm", .output_path = "another.see", .config_dir = in_home("config")};
    ck_assert(!build_request(&elsewhere).from_cache);
    AUTO_BUFFER second = content_of("another.see");
    ck_assert(view_equal(view_buffer(&first), view_buffer(&second)));
    ck_assert_ptr_null(memmem(first.data, first.size, home, strlen(home)));
    ck_assert_int_eq(chdir("/"), 0);
    tear_down();
}
END_TEST

START_TEST(the_second_build_comes_from_the_cache_and_is_the_same)
{
    set_up();
    module(WRITES_B ")");
    ck_assert(!build().from_cache);
    AUTO_BUFFER first = content_of(in_home("job.see"));
    ck_assert(build().from_cache);
    AUTO_BUFFER second = content_of(in_home("job.see"));
    ck_assert(view_equal(view_buffer(&first), view_buffer(&second)));

    ImageBuildRequest no_output = request(NULL);
    ImageBuilt built = build_request(&no_output);
    ck_assert(built.from_cache);
    AUTO_BUFFER cached = content_of(built.path);
    ck_assert(view_equal(view_buffer(&first), view_buffer(&cached)));
    tear_down();
}
END_TEST

START_TEST(the_cache_is_not_asked_when_that_is_the_wish)
{
    set_up();
    module(WRITES_B ")");
    build();
    ImageBuildRequest r = request(in_home("job.see"));
    r.no_cache = true;
    ck_assert(!build_request(&r).from_cache);
    tear_down();
}
END_TEST

START_TEST(another_module_runtime_or_key_is_another_cache_entry)
{
    set_up();
    module(WRITES_B ")");
    build();
    module(WRITES_B "(func))");
    ck_assert(!build().from_cache);
    ck_assert(build().from_cache);
    shell("cd %s/see && echo 'int another;' > another.c && gcc -c another.c && ar r libcovey-see.a another.o", home);
    ck_assert(!build().from_cache);
    ck_assert(build().from_cache);
    shell("rm -r %s", in_home("config"));
    ck_assert(!build().from_cache);
    tear_down();
}
END_TEST

START_TEST(a_damaged_cache_entry_is_built_again)
{
    static const char *const DAMAGES[] = {"truncate -s -1", "truncate -s 0", "sed -i s/COVEYSIG/COVEYSIH/",
                                          "sed -i s/_start/_stars/", "chmod 0"};
    set_up();
    module(WRITES_B ")");
    ImageBuildRequest r = request(NULL);
    ImageBuilt built = build_request(&r);
    AUTO_BUFFER first = content_of(built.path);
    for (size_t i = 0; i < sizeof DAMAGES / sizeof DAMAGES[0]; i++) {
        bool only_mode = i + 1 == sizeof DAMAGES / sizeof DAMAGES[0];
        if (only_mode && geteuid() == 0) break; /* root reads it all the same */
        shell("%s %s", DAMAGES[i], built.path);
        ck_assert_msg(!build_request(&r).from_cache, "taken from the cache after: %s", DAMAGES[i]);
        AUTO_BUFFER again = content_of(built.path);
        ck_assert(view_equal(view_buffer(&first), view_buffer(&again)));
    }
    tear_down();
}
END_TEST

START_TEST(the_cache_keeps_the_images_that_were_used_last)
{
    set_up();
    module(WRITES_B ")");
    ImageBuildRequest r = request(NULL);
    ImageBuilt first = build_request(&r);
    /* 260 old entries, and files that are none; then the first image is used again, and another one comes. */
    shell("cd %s && for i in $(seq 260); do touch -d '2001-01-01 +'$i' minutes' $(printf '%%064x.see' $i); done && "
          "touch -d 2000-01-01 keep.see failed.log",
          in_home("cache/covey/images"));
    ck_assert(build_request(&r).from_cache);
    module(WRITES_B "(func))");
    ImageBuilt second = build_request(&r);
    shell("cd %s && test $(ls *.see | grep -c '^.\\{68\\}$') = %d && test -e keep.see && test -e failed.log && "
          "test ! -e $(printf '%%064x.see' 6) && test -e $(printf '%%064x.see' 7)",
          in_home("cache/covey/images"), CACHE_IMAGES_MAX);
    ck_assert_int_eq(access(first.path, F_OK), 0);
    ck_assert_int_eq(access(second.path, F_OK), 0);
    tear_down();
}
END_TEST

START_TEST(a_changed_byte_anywhere_in_a_real_image_is_found)
{
    set_up();
    module(WRITES_B ")");
    ImageBuilt built = build();
    AUTO_BUFFER image = content_of(built.path);
    TrustedKeys trusted;
    ImageInfo info;
    ck_assert_ok(trusted_keys_load(in_home("config"), &trusted, NULL));
    ck_assert_ok(image_verify(view_buffer(&image), &trusted, &info, NULL));
    size_t trailer = image.size - sizeof(ImageTrailer), step = trailer / 200;
    for (size_t at = 0; at < image.size; at += at < trailer - step ? step : 1) {
        image.data[at] ^= 0x20;
        int code = image_verify(view_buffer(&image), &trusted, &info, NULL).code;
        ck_assert_msg(code == ERR_BAD_SIGNATURE || code == ERR_BAD_INPUT, "byte %zu: %s", at, err_text(code));
        image.data[at] ^= 0x20;
    }
    tear_down();
}
END_TEST

START_TEST(everything_that_is_offered_links_with_the_real_runtime)
{
    static const char HEAD[] = "sed -n 's/^    WASI(\"\\(.*\\)\", \"\\(.*\\)\"),$/OFFER_MODULE_WASI \\1 p\\2 ri/p; "
                               "s/^    {\\(OFFER_[A-Z_]*\\), \"\\(.*\\)\", \"\\(.*\\)\", \"\\(.*\\)\"},$/\\1 \\2 p\\3 r\\4/p' "
                               "%s/src/image/offers.c > %s";
    const char *build_folder = getenv("COVEY_BUILD");
    if (!build_folder) return; /* run by hand, without a build tree */
    char runtime[PATH_BYTES_MAX];
    set_up();
    snprintf(runtime, sizeof runtime, "%s/src/see", build_folder);
    setenv("COVEY_SEE_DIR", runtime, 1);
    shell(HEAD, source_folder(), in_home("offers"));
    /* Each function is imported and put into the table, so that the linker needs all of them. */
    shell("awk '"
          "function types(word, letters,   i, text) { for (i = 2; i <= length(letters); i++) "
          "text = text (substr(letters, i, 1) == \"I\" ? \" i64\" : \" i32\");"
          " return text ? \"(\" word text \")\" : \"\" }"
          "BEGIN { print \"(module\" }"
          "{ module = $1 ~ /SEE/ ? \"see\" : \"wasi_snapshot_preview1\"; names = names \" $\" $2;"
          " printf \"(import \\\"%%s\\\" \\\"%%s\\\" (func $%%s %%s %%s))\\n\", module, $2, $2, types(\"param\", $3), "
          "types(\"result\", $4) }"
          "END { print \"(memory 1) (table \" NR \" funcref) (elem (i32.const 0)\" names \") (func (export \\\"_start\\\")))\"; "
          "exit NR != 49 }"
          "' %s > %s && wat2wasm %s -o %s",
          in_home("offers"), in_home("job.wat"), in_home("job.wat"), in_home("job.wasm"));
    ImageBuilt built = build();
    AUTO_BUFFER image = content_of(built.path);
    ImageInfo info;
    ck_assert_ok(image_parse(view_buffer(&image), &info, NULL));
    ck_assert_uint_eq(info.manifest.flags, MANIFEST_FLAG_USES_SEE_API);
    tear_down();
}
END_TEST

START_TEST(names_of_a_hostile_module_never_become_c)
{
    set_up();
    module(WRITES_B "(func (export \"*/\\0a#error injected\\0a/*\") (nop)))");
    build();
    expect_output("B");
    tear_down();
}
END_TEST

START_TEST(a_refused_module_is_named_before_any_tool_is_needed)
{
    set_up();
    module("(module (func (export \"_start\") (drop (i32x4.splat (i32.const 0)))))");
    setenv("PATH", "/nowhere", 1);
    ImageBuildRequest r = request(NULL);
    ImageBuilt built;
    Diag diag = {0};
    ck_assert_err(image_build(&r, &built, &diag), ERR_BAD_INPUT);
    ck_assert_str_eq(diag.text, "job.wasm: uses SIMD (v128), which a SEE does not have; build without it");
    setenv("PATH", "/usr/bin:/bin", 1);
    tear_down();
}
END_TEST

START_TEST(a_module_that_wasm2c_finds_invalid_is_refused_with_its_words)
{
    set_up();
    put(in_home("job.wat"), "(module (func (export \"_start\") (i32.add)))", 0644);
    shell("wat2wasm --no-check %s -o %s", in_home("job.wat"), in_home("job.wasm"));
    expect_failure(ERR_TOOL, "wasm2c failed with exit code 1: module.wasm:");
    shell("grep -q 'type mismatch' %s", in_home("cache/covey/images/failed.log"));
    tear_down();
}
END_TEST

START_TEST(a_missing_module_is_named)
{
    set_up();
    expect_failure(ERR_NO_ENTRY, "job.wasm: no such file");
    tear_down();
}
END_TEST

START_TEST(missing_tools_are_named_with_their_package)
{
    set_up();
    module(WRITES_B ")");
    shell("mkdir %s && ln -s /usr/bin/wasm2c %s", in_home("bin"), in_home("bin"));
    setenv("PATH", "/nowhere", 1);
    ImageBuildRequest r = request(NULL);
    ImageBuilt built;
    Diag diag = {0};
    ck_assert_err(image_build(&r, &built, &diag), ERR_NO_ENTRY);
    ck_assert_str_eq(diag.text, "wasm2c is not installed; run: apt-get install wabt");
    setenv("PATH", in_home("bin"), 1);
    ck_assert_err(image_build(&r, &built, &diag), ERR_NO_ENTRY);
    ck_assert_str_eq(diag.text, "gcc is not installed; run: apt-get install gcc");
    setenv("PATH", "/usr/bin:/bin", 1);
    tear_down();
}
END_TEST

START_TEST(a_missing_runtime_is_named)
{
    set_up();
    module(WRITES_B ")");
    setenv("COVEY_SEE_DIR", in_home("tmp"), 1);
    expect_failure(ERR_NO_ENTRY, "no libcovey-see.a with its headers there; unset it or correct it");
    unsetenv("COVEY_SEE_DIR");
    expect_failure(ERR_NO_ENTRY, "the SEE runtime, libcovey-see.a, is neither in ");
    tear_down();
}
END_TEST

/* Puts a program of this name in front of the real one. */
static void fake(const char *name, const char *script)
{
    char path[256];
    shell("mkdir -p %s", in_home("bin"));
    snprintf(path, sizeof path, "%s/%s", in_home("bin"), name);
    put(path, script, 0755);
    snprintf(path, sizeof path, "%s:/usr/bin:/bin", in_home("bin"));
    setenv("PATH", path, 1);
}

START_TEST(another_wasm2c_is_refused)
{
    set_up();
    module(WRITES_B ")");
    fake("wasm2c",
         "#!/bin/sh\n/usr/bin/wasm2c \"$@\" && test \"$1\" = --version || sed -i 's/i32_load, u32/i32_load,  u32/' module.c\n");
    expect_failure(ERR_TOOL, "this wasm2c writes another prelude than the one Covey replaces; use wasm2c 1.0.32");
    tear_down();
}
END_TEST

START_TEST(a_failing_compiler_is_quoted_and_its_log_kept)
{
    set_up();
    module(WRITES_B ")");
    fake("gcc", "#!/bin/sh\ncase $1 in --version|-print*) exec /usr/bin/gcc \"$@\";; esac\n"
                "echo one; echo 'x.c:1: error: two'; echo three; exit 7\n");
    expect_failure(ERR_TOOL, "gcc failed with exit code 7: x.c:1: error: two (all of it: ");
    shell("test \"$(cat %s)\" = \"$(printf 'one\\nx.c:1: error: two\\nthree')\"", in_home("cache/covey/images/failed.log"));
    tear_down();
}
END_TEST

START_TEST(a_killed_compiler_is_an_error_of_the_tool)
{
    set_up();
    module(WRITES_B ")");
    fake("gcc", "#!/bin/sh\ncase $1 in --version|-print*) exec /usr/bin/gcc \"$@\";; esac\nkill -9 $$\n");
    expect_failure(ERR_TOOL, "gcc was killed by signal 9");
    tear_down();
}
END_TEST

START_TEST(an_output_that_cannot_be_written_is_named)
{
    set_up();
    module(WRITES_B ")");
    ImageBuildRequest r = request(in_home("missing/job.see"));
    ImageBuilt built;
    Diag diag = {0};
    ck_assert_err(image_build(&r, &built, &diag), ENOENT);
    ck_assert_ptr_nonnull(strstr(diag.text, "missing/job.see: cannot write the image: "));
    tear_down();
}
END_TEST

START_TEST(ctrl_c_ends_the_build_by_its_signal_and_leaves_nothing_behind)
{
    set_up();
    module(WRITES_B ")");
    fake("gcc", "#!/bin/sh\ncase $1 in --version|-print*) exec /usr/bin/gcc \"$@\";; esac\n"
                ": > \"$TMPDIR/../../compiling\"\nexec sleep 60\n");
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        signal(SIGINT, SIG_DFL); /* check has a handler of its own */
        ImageBuildRequest r = request(in_home("job.see"));
        ImageBuilt built;
        Err error = image_build(&r, &built, NULL);
        _exit(error.code == ERR_INTERRUPTED ? 1 : 2); /* not reached: the signal is delivered first */
    }
    for (int i = 0; i < 1000 && access(in_home("compiling"), F_OK) != 0; i++) usleep(10000);
    ck_assert_int_eq(kill(-child, SIGINT), 0);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    shell("test -z \"$(ls -A %s)\"", in_home("tmp"));
    ck_assert_int_ne(access(in_home("job.see"), F_OK), 0);
    tear_down();
}
END_TEST

TEST_MAIN("image/build", a_module_becomes_an_image_that_runs, the_start_function_runs_before_start,
          the_manifest_says_what_was_built, two_builds_in_two_folders_give_the_same_bytes,
          the_second_build_comes_from_the_cache_and_is_the_same, the_cache_is_not_asked_when_that_is_the_wish,
          another_module_runtime_or_key_is_another_cache_entry, a_damaged_cache_entry_is_built_again,
          the_cache_keeps_the_images_that_were_used_last, a_changed_byte_anywhere_in_a_real_image_is_found,
          everything_that_is_offered_links_with_the_real_runtime, names_of_a_hostile_module_never_become_c,
          a_refused_module_is_named_before_any_tool_is_needed, a_module_that_wasm2c_finds_invalid_is_refused_with_its_words,
          a_missing_module_is_named, missing_tools_are_named_with_their_package, a_missing_runtime_is_named,
          another_wasm2c_is_refused, a_failing_compiler_is_quoted_and_its_log_kept, a_killed_compiler_is_an_error_of_the_tool,
          an_output_that_cannot_be_written_is_named, ctrl_c_ends_the_build_by_its_signal_and_leaves_nothing_behind)
