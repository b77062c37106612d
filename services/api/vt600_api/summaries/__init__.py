"""What each device did in each hour and day, derived from its reports and put right when late data comes."""
