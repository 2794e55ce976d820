# The same as ./scripts/*, for those who have just.
default:
    @just --list

# Serve the contractor example with demo data
run *args:
    ./scripts/run {{args}}

# Lint and all tests
test *args:
    ./scripts/test {{args}}

# Style, types, import contract
lint:
    ./scripts/lint

# Benchmarks: just bench records --quick
bench *args:
    ./scripts/bench {{args}}

# Screenshots of the example
shots *args:
    ./scripts/shots {{args}}

# Remake the locks
lock:
    ./scripts/lock
