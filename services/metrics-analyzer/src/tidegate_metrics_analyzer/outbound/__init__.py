"""The one door through which the providers reach other servers: who may be asked, with what, how often and how long."""
