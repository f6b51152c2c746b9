"""What the pack says of disputes: who disputes which version of the verdict, until when, and what was decided."""

from collector.pack.words.said import Said

WORDS: dict[str, Said] = {
    # In the frame of the first page.
    "disputed.open": Said(
        kk="Байланыс операторы қорытындының {version}-нұсқасына дау айтты; шешім {decide} күніне дейін (осы күнді қоса "
        "алғанда) қабылдануы тиіс.",
        ru="Оператор связи оспорил версию {version} заключения; решение должно быть принято до {decide} включительно.",
        en="The operator disputes version {version} of the verdict; this is to be decided by {decide}.",
    ),
    "disputed.withdrawn": Said(
        kk="Байланыс операторы қорытындының {version}-нұсқасына дау айтып, {at} күні одан бас тартты.",
        ru="Оператор связи оспорил версию {version} заключения и {at} отозвал возражение.",
        en="The operator disputed version {version} of the verdict, and withdrew that on {at}.",
    ),
    "disputed.upheld": Said(
        kk="Байланыс операторы қорытындының {version}-нұсқасына дау айтты; {at} күні қабылданған шешім бойынша "
        "оператордың уәжі расталды.",
        ru="Оператор связи оспорил версию {version} заключения; по решению от {at} его доводы подтвердились.",
        en="The operator disputed version {version} of the verdict; on {at} it was decided that its claim is true.",
    ),
    "disputed.partly": Said(
        kk="Байланыс операторы қорытындының {version}-нұсқасына дау айтты; {at} күні қабылданған шешім бойынша "
        "оператордың уәжі ішінара расталды.",
        ru="Оператор связи оспорил версию {version} заключения; по решению от {at} его доводы подтвердились частично.",
        en="The operator disputed version {version} of the verdict; on {at} it was decided that its claim is partly "
        "true.",
    ),
    "disputed.rejected": Said(
        kk="Байланыс операторы қорытындының {version}-нұсқасына дау айтты; {at} күні қабылданған шешім бойынша "
        "оператордың уәжі расталмады.",
        ru="Оператор связи оспорил версию {version} заключения; по решению от {at} его доводы не подтвердились.",
        en="The operator disputed version {version} of the verdict; on {at} it was decided that its claim is not true.",
    ),
    # The section.
    "disputes": Said(kk="Қорытынды бойынша даулар", ru="Оспаривание заключения", en="Disputes of the verdict"),
    "disputes.until": Said(
        kk="Қорытындының осы нұсқасына дау айтылған жоқ; байланыс операторы {until} күніне дейін (осы күнді қоса "
        "алғанда) дау айта алады.",
        ru="Эта версия заключения не оспорена; оператор связи может оспорить её до {until} включительно.",
        en="This version of the verdict is not disputed; the operator may dispute it until {until}, included.",
    ),
    "dispute": Said(kk="Дау", ru="Спор", en="Dispute"),
    "dispute.of": Said(
        kk="{id}; қорытындының {version}-нұсқасы бойынша; ашқан: {author}, {at}",
        ru="{id}, о версии {version} заключения; открыт {at}: {author}",
        en="{id}, about version {version} of the verdict; opened on {at} by {author}",
    ),
    "dispute.times": Said(kk="Мерзімдер", ru="Сроки", en="Deadlines"),
    "dispute.times.of": Said(
        kk="дәлелдер {evidence} күніне дейін, шешім {decide} күніне дейін (осы күндерді қоса алғанда)",
        ru="доказательства — до {evidence}, решение — до {decide} включительно",
        en="evidence until {evidence}, decision until {decide}, both included",
    ),
    "dispute.claim": Said(kk="Оператордың уәжі", ru="Доводы оператора", en="The operator claims"),
    "dispute.file": Said(kk="Қоса берілген файл", ru="Приложенный файл", en="File attached"),
    "dispute.file.of": Said(
        kk="«{name}», {size} байт, {author}, {at}: {text}",
        ru="«{name}», {size} байт, {author}, {at}: {text}",
        en="“{name}”, {size} bytes, {author}, {at}: {text}",
    ),
    "dispute.hash": Said(kk="Файлдың SHA-256 хеші", ru="SHA-256 файла", en="SHA-256 of the file"),
    "dispute.end": Said(kk="Нәтижесі", ru="Итог", en="What came of it"),
    "dispute.open": Said(kk="әлі шешілген жоқ", ru="пока не решён", en="not decided yet"),
    "dispute.withdrawn": Said(
        kk="оператор {at} күні бас тартты: {text}", ru="отозван оператором {at}: {text}", en="withdrawn on {at}: {text}"
    ),
    "dispute.upheld": Said(
        kk="оператордың уәжі расталды; шешім қабылдаған: {author}, {at}",
        ru="доводы оператора подтвердились; решение принято {at}: {author}",
        en="what the operator claims is true; decided on {at} by {author}",
    ),
    "dispute.partly": Said(
        kk="оператордың уәжі ішінара расталды; шешім қабылдаған: {author}, {at}",
        ru="доводы оператора подтвердились частично; решение принято {at}: {author}",
        en="what the operator claims is partly true; decided on {at} by {author}",
    ),
    "dispute.rejected": Said(
        kk="оператордың уәжі расталмады; шешім қабылдаған: {author}, {at}",
        ru="доводы оператора не подтвердились; решение принято {at}: {author}",
        en="what the operator claims is not true; decided on {at} by {author}",
    ),
    "dispute.reason": Said(kk="Шешімнің негізі", ru="Основание решения", en="Reason of the decision"),
    "dispute.exclusions": Said(
        kk="Шешім бойынша бағалаудан шығарылған кезеңдер саны",
        ru="Исключено периодов по этому решению",
        en="Spans that do not count because of it",
    ),
    "cut": Said(
        kk="{text} […] (толық мәтіні дәлелдемелер файлында)",
        ru="{text} […] (полный текст — в файле доказательств)",
        en="{text} […] (the whole text is in the bundle of evidence)",
    ),
}
