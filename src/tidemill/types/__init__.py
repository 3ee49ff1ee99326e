"""The nouns as frozen structs: what travels on the wire, what the store answers, what the client hands out."""
