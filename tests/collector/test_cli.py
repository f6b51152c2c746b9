import pytest

from collector import cli


@pytest.fixture
def refused(tmp_path, capsys, monkeypatch):
    """Run a command that must not work; return its exit status and the sentence."""
    monkeypatch.delenv("NETREADY_DATA", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str]:
        code = cli.main([*words, "--data", str(tmp_path / "data")])
        said = capsys.readouterr()
        assert said.out == ""
        assert not (tmp_path / "data").exists()
        return code, said.err

    return run


@pytest.mark.parametrize(
    "words",
    [
        ("ranking", "schools"),
        ("enrollment", "create", "--school", "1"),
        ("access", "create", "--role", "admin", "--name", "x"),
        ("access", "revoke", "--name", "x"),
        ("agents", "revoke", "x"),
    ],
)
def test_a_mistyped_data_folder_is_no_new_database(refused, words):
    """A command that asks never makes a database: that would look like lost data."""
    code, sentence = refused(*words)
    assert code == 1
    assert "there is no database in" in sentence


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--tls-cert", "nothing.pem", "--tls-key", "nothing.pem"), "give two PEM files"),
        (("--tls-cert", "nothing.pem"), "give both"),
        (("--server", "garbage"), "wss://HOST:PORT"),
        (("--server", "http://127.0.0.1:1"), "wss://HOST:PORT"),
        (("--listen", "nowhere"), "HOST:PORT"),
        (("--listen", "8.8.8.8:8080"), "--tls-cert"),
        (("--database", "mysql://x"), "postgresql://"),
        (("--config", "nothing.toml"), "there is no settings file"),
    ],
)
def test_a_wrong_setting_is_told_before_anything_is_started(refused, words, told):
    """Wrong use ends with status 2 and a sentence, and no database was made."""
    code, sentence = refused("serve", *words)
    assert code == 2
    assert told in sentence


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[serve]\nlisen = '1'", "serve.lisen: there is no such setting; see config/collector.toml"),
        ("[policy]\nstart = '8'", "policy.start: expected `str` of another form"),
        ("[policy]\nquiet_end = '24:00'", "policy.quiet_end: expected `str` of another form"),
        ("[policy]\nlong_capacity_days = 0", "policy.long_capacity_days"),
        ("[policy]\nmonthly_bytes = -5", "policy.monthly_bytes"),
        ("[policy]\ntime_zone = 'Asia/Foo'", "there is no time zone 'Asia/Foo'"),
        ("[database]\npool_size = 0", "database.pool_size: expected `int` >= 1"),
        ("serve = [", "cannot be read"),
    ],
)
def test_a_wrong_settings_file_names_file_and_key(refused, tmp_path, text, told):
    """One mistake, one sentence."""
    file = tmp_path / "bad.toml"
    file.write_text(text)
    code, sentence = refused("db", "upgrade", "--config", str(file))
    assert code == 2
    assert told in sentence
