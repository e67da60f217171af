"""The pure core: values in, values out; no files, clocks, network or frameworks."""
