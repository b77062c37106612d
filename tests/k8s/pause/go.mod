module vt600.local/pause

go 1.26.0
