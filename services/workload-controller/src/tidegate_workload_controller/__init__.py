"""How many pods run which revision: holds a workload at the step's target, and gives it back at the end.

`app` composes; `holder` carries out one standing order; `kinds` holds what a kind of workload needs. The pure parts
say what to do: `batch` and `budgets` (arithmetic), `convergence` and `release` (decisions).
"""
