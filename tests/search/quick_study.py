from tests.search.studies import study as make

study = make(trials=1)
