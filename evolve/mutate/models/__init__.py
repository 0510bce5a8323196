"""Who is asked: models behind servers, a person, a program; what they cost, and how their faults are borne."""
