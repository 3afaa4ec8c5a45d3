"""How far sinks have come is asked once, however many they are."""

from partners.access_log import following, sinks
from partners.access_log.sinks import Wanted
from partners.keyring import Keyring
from tests.conftest import SECRET
from tests.partners.access_log.logs import Log
from tests.round_trips import sent


def test_all_sinks_are_asked_about_at_once(log: Log) -> None:
    log.grow(3)
    log.add(operation=following.PUSHED)
    log.seal()
    places = {"behind": -1, "near": 1, "no_news": 2, "there": 3}
    for name, after in places.items():
        with log.engines.write.begin() as connection:
            sinks.add(
                connection,
                Wanted(name, "https://siem.example", "ndjson", is_signed=False, after=after),
                Keyring(SECRET),
            )
    log.sql(
        "INSERT INTO log_sink_refusal (sink, index, status, at) VALUES ('near', 1, 400, now()), ('near', 0, 400, now())"
    )

    with log.engines.write.begin() as connection, sent(connection) as statements:
        found = sinks.standings(connection)
    with log.engines.write.begin() as connection, sent(connection) as of_the_size:
        following.size(connection)

    at = [row.at for row in log.sql("SELECT at FROM sealed_leaf ORDER BY index")]
    assert [(each.row.name, each.waiting, each.waiting_since, list(each.refused)) for each in found] == [
        ("behind", 4, at[0], []),
        ("near", 2, at[2], [0, 1]),
        ("no_news", 1, None, []),
        ("there", 0, None, []),
    ]
    assert len(statements) == len(of_the_size) + 1
