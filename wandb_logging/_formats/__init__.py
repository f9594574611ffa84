"""Files of other programs, read: what they hold as rows. Changes nothing, needs no server."""
