# Each target is one line that calls scripts/dev.py, which needs only Python 3.11 or newer.
.PHONY: demo test check bench chaos screenshots words setup lock

demo test check bench chaos screenshots words setup lock:
	@python3 scripts/dev.py $@ $(ARGS)
