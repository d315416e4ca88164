"""What minidl costs, beside other libraries: `python -m benchmarks`.

`work` says what is computed, `peers` how each library does it, `worker` and `measure` take turns,
`report` writes it down. `works` are comparisons that are made in another way.
"""
