# Lineup. `make run` and `make test` do all their own set-up; `make help` lists the rest.

LISTEN ?= 127.0.0.1:8080
DATA   ?= data
BUILD  := $(CURDIR)/build
GO     ?= go
PEOPLE   ?= 10000
LASTING  ?= 5m
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

.PHONY: help run build setup models test bench load soak race fuzz lint clean
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:
	@deploy/setup.sh $(BUILD)

build: setup ## build bin/lineup
	$(GO) build -ldflags "$(STAMP)" -o bin/lineup ./cmd/lineup
	@deploy/hardened.sh bin/lineup

models: build ## fetch and verify the face models
	bin/lineup models

run: build ## crawl and search the sample registry: make run LISTEN=127.0.0.1:8080 DATA=dir
	bin/lineup demo --listen $(LISTEN) --data $(DATA)

test: models ## run every test
	@deploy/setup.sh $(BUILD) --browser
	@deploy/test.sh

bench: models ## measure, side by side in one run
	@deploy/bench.sh

load: ## crawl a made-up registry twice and measure: make load LOAD=100000
	$(GO) test ./scraper -run '^$$' -bench '^BenchmarkCrawl$$' -benchtime 1x -timeout 2h -load $(LOAD)

soak: models ## let engines and roles fail at random: make soak PEOPLE=10000 LASTING=5m SEED=1
	LINEUP_SOAK_PEOPLE=$(PEOPLE) LINEUP_SOAK_TIME=$(LASTING) LINEUP_SOAK_SEED=$(SEED) \
		$(GO) test -v -count 1 -timeout 6h -run '^TestSoak$$' ./cmd/lineup
	$(GO) test -count 1 -timeout 6h ./internal/testkit/history -histories 2000

race: models ## run the tests of concurrency and crashes again and again: make race TIMES=20
	@deploy/raced.sh --all -timeout 2h -count $(TIMES)

fuzz: models ## feed every parser broken input: make fuzz FUZZTIME=30s for each
	@deploy/fuzz.sh $(FUZZTIME)

lint: setup ## format, vet and the linters of .golangci.yml
	@deploy/lint.sh $(BUILD)

clean: ## delete what was built (data and models stay)
	rm -rf bin build
