/**
 * For tests: a warden and zygotes that speak the protocols without any isolation, and misbehave as told. The test program plays the warden
 * when it is started as `covey warden`; what it shall do wrong stands in the environment, because that is all that reaches it.
 */
#pragma once

#define FAKE_BEHAVIOUR "COVEY_TEST_BEHAVIOUR" /* one of the names in fake_warden.c; unset: "good" */
#define FAKE_ONCE "COVEY_TEST_ONCE"           /* path of a file: made by the first one that misbehaves; the next ones behave */

/** Serves descriptor 3 until it is closed. */
_Noreturn void fake_warden_run(void);
