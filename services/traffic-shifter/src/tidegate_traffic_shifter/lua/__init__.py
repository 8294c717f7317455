"""Lua scripts of a cluster's admins, each run in a process of its own that can do nothing else.

`runner` starts the process and kills it; `__main__` is what runs in it, `confinement` what it gives up before it sees a
script, `prelude.lua` the little of Lua that a script has. Data go in and come out as JSON.
"""
