SHARE = 1.0


def half(number):
    return SHARE * number
