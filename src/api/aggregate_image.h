/** The built-in image of private tasks, as it was installed with this program. */
#pragma once
#include "api/internal.h"

/** Its measurement: what a key broker accepts for the stages where noise is added. errors: ERR_NO_ENTRY (not installed), those of image_parse */
MUST_USE Err aggregate_measurement(Sha256 *ret_measurement, Diag *diag);
/** Signed with the user's key, in the image cache: nodes run only what somebody signed. */
MUST_USE Err aggregate_ready(const covey *c, ReadyImage *ret_image, Diag *diag);
