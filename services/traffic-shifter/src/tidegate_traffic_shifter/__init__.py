"""Which share of the requests, and which requests, reach which version: holds routes and Services, and gives them back.

`app` composes; `holder` carries out one standing order by `shift` or `release`, which act through `services` and a
router's plugin in `routers`. The pure parts say what to write: `backends`, `matches`, `pins`, `endpoints`,
`acceptance`.
"""
