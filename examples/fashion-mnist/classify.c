/* Says of each image of 28 x 28 grey pixels which of ten kinds of clothing it shows: one digit a line. */
#include "covey_job.h"
#include "network.h"
#include "weights.h"

int main(void)
{
    JobText images = job_read_all();
    if (images.size % PIXELS != 0) job_fail("%zu bytes are not a number of whole images", images.size);

    for (size_t at = 0; at < images.size; at += PIXELS) {
        Activation a;
        printf("%d\n", network_run(&network, (const uint8_t *)images.text + at, &a));
    }
    return 0;
}
