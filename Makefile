# A thin front. `make` leaves the program at build/covey; meson.build says how.
BUILD := build
PREFIX ?= /usr/local
DESTDIR ?=

.PHONY: all deps demo test bench install clean check-format lint
all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet product
	@$(MAKE) --no-print-directory --silent -C examples modules

# Installs Debian packages, and fetches the data of the examples, only where something is missing.
deps:
	@tools/deps

$(BUILD)/build.ninja:
	@command -v meson >/dev/null || { echo "meson is missing: run 'make deps' first" >&2; exit 1; }
	meson setup $(BUILD) --prefix=$(PREFIX)

demo: deps
	@$(MAKE) --no-print-directory all
	@examples/demo $(BUILD)/covey

test: deps
	@$(MAKE) --no-print-directory all
	@tests/run $(BUILD)

bench: deps
	@$(MAKE) --no-print-directory all
	@bench/run $(BUILD)

install: $(BUILD)/build.ninja
	@meson configure $(BUILD) -Dprefix=$(PREFIX)
	@$(MAKE) --no-print-directory all
	@meson install -C $(BUILD) --no-rebuild --quiet $(if $(DESTDIR),--destdir=$(abspath $(DESTDIR)))

clean:
	rm -rf $(BUILD)

check-format:
	@tools/style
lint: all
	@tools/lint $(BUILD)
