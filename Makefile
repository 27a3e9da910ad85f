# Lineup. `make run` and `make test` do all their own set-up; `make help` lists the rest.

LISTEN ?= 127.0.0.1:8080
DATA   ?= data
PREFIX ?= /usr/local
BUILD  := $(CURDIR)/build
GO     ?= go
PEOPLE   ?= 10000
LASTING  ?= 5m
ATTACK   ?= 30s
SEED     ?=
TIMES    ?= 20
LOAD     ?= 100000
FUZZTIME ?= 30s

# Where the set-up makes a libcblas for the linker when it may not write to /usr/local/lib. Not by CGO_LDFLAGS,
# which would name this folder in the build cache: each clone would compile all of dlib anew.
export LIBRARY_PATH := $(BUILD)/lib$(if $(LIBRARY_PATH),:$(LIBRARY_PATH))
# What is built decodes strangers' pictures in C: position independent, read-only relocations, watched stacks and
# copies. Tests run what is built so too, and share its cache; deploy/hardened.sh looks at what came out.
HARDENED := -O2 -g -fstack-protector-strong -fstack-clash-protection -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
export CGO_CFLAGS := $(HARDENED)
export CGO_CXXFLAGS := $(HARDENED)
export CGO_LDFLAGS := -O2 -g -Wl,-z,relro,-z,now
export GOFLAGS := $(strip $(shell $(GO) env GOFLAGS) -buildmode=pie)
# One BLAS thread a recognizer: more of them only fight for the cores.
export OPENBLAS_NUM_THREADS := 1

# What lineup version says. The commit's date, not today's: the same source gives the same bits.
VERSION ?= $(or $(shell git describe --tags --always --dirty 2>/dev/null),dev)
STAMP := -X main.version=$(VERSION) -X main.commit=$(shell git rev-parse HEAD 2>/dev/null) \
	-X main.date=$(shell git log -1 --format=%cI 2>/dev/null)

.PHONY: help run build install setup models test release archive release-test bench load soak race fuzz lint clean
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:
	@deploy/setup.sh $(BUILD)

build: setup ## build bin/lineup
	$(GO) build -ldflags "$(STAMP)" -o bin/lineup ./cmd/lineup
	@deploy/hardened.sh bin/lineup

install: build ## lay down program, manual pages and completion: make install PREFIX=/usr/local DESTDIR=
	install -D -m 755 bin/lineup $(DESTDIR)$(PREFIX)/bin/lineup
	bin/lineup manual $(DESTDIR)$(PREFIX)/share/man/man1
	mkdir -p $(addprefix $(DESTDIR)$(PREFIX)/share/,bash-completion/completions zsh/site-functions fish/vendor_completions.d)
	bin/lineup completion bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/lineup
	bin/lineup completion zsh > $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_lineup
	bin/lineup completion fish > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/lineup.fish

models: build ## fetch and verify the face models
	bin/lineup models

run: build ## crawl and search the sample registry: make run LISTEN=127.0.0.1:8080 DATA=dir
	bin/lineup demo --listen $(LISTEN) --data $(DATA)

test: models ## run every test
	@deploy/setup.sh $(BUILD) --browser
	@deploy/test.sh

release: setup ## packages, image, bill of materials, sums: make release VERSION=x.y.z KEY=minisign.key
	@deploy/release.sh $(VERSION)

archive: build ## keep a small data directory of this version for the tests of upgrades: make archive VERSION=x.y.z
	@test ! -e cmd/lineup/testdata/upgrade/$(VERSION).tgz || { echo "the archive of $(VERSION) is there: it is never made anew" >&2; exit 1; }
	@deploy/archive.sh bin/lineup cmd/lineup/testdata/upgrade/$(VERSION).tgz

release-test: models ## run what is too slow for every run: packages in clean roots, Firefox, races (PARTS=packages)
	@deploy/setup.sh $(BUILD) --browser --release
	BEFORE=$(BEFORE) deploy/parts.sh $(PARTS)

bench: models ## measure, side by side in one run
	@deploy/bench.sh

load: ## crawl a made-up registry twice and measure: make load LOAD=100000
	$(GO) test ./scraper -run '^$$' -bench '^BenchmarkCrawl$$' -benchtime 1x -timeout 2h -load $(LOAD)

soak: models ## let engines and roles fail at random, and attackers try: make soak PEOPLE=10000 LASTING=5m SEED=1 ATTACK=30s
	LINEUP_SOAK_PEOPLE=$(PEOPLE) LINEUP_SOAK_TIME=$(LASTING) LINEUP_SOAK_SEED=$(SEED) \
		$(GO) test -v -count 1 -timeout 6h -run '^TestSoak$$' ./cmd/lineup
	LINEUP_RED_TEAM=$(ATTACK) $(GO) test -v -count 1 -timeout 6h -run '^TestRedTeam$$' ./cmd/lineup
	$(GO) test -count 1 -timeout 6h ./internal/testkit/history -histories 2000

race: models ## run the tests of concurrency and crashes again and again: make race TIMES=20
	@deploy/raced.sh --all -timeout 2h -count $(TIMES)

fuzz: models ## feed every parser broken input: make fuzz FUZZTIME=30s for each
	@deploy/fuzz.sh $(FUZZTIME)

lint: setup ## format, vet and the linters of .golangci.yml
	@deploy/lint.sh $(BUILD)

clean: ## delete what was built (data and models stay)
	rm -rf bin build
