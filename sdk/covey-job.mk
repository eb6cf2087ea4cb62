# Include this in a Makefile to build micro-jobs:  include /path/to/sdk/covey-job.mk  and then  make job.wasm
# JOB_FLAGS adds options for clang.
COVEY_SDK := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
COVEY_CC ?= $(firstword $(wildcard $(COVEY_SDK)/covey-cc) covey-cc)
COVEY_SDK_HEADERS := $(wildcard $(COVEY_SDK)/*.h)
JOB_FLAGS ?= -Wall -Wextra

%.wasm: %.c $(COVEY_SDK_HEADERS)
	$(COVEY_CC) $(JOB_FLAGS) $< -o $@

%.wasm: %.cc $(COVEY_SDK_HEADERS)
	$(COVEY_CC) $(JOB_FLAGS) $< -o $@
