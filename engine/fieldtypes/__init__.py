"""fieldtypes"""
