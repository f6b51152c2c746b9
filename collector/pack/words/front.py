"""What the front pages say: the verdict, who and what, what was asked and found, charts, outages, exclusions."""

from collector.pack.words.said import Said

WORDS: dict[str, Said] = {
    # The head of the first page.
    "overline": Said(
        kk="Дәлелдемелер жинағы: мектептің байланыс желісі бойынша қорытынды",
        ru="Пакет доказательств: заключение о линии связи школы",
        en="Evidence pack: the verdict on a school's line",
    ),
    "subtitle": Said(
        kk="{month}, желі {line}, «{operator}» байланыс операторы",
        ru="{month}, линия {line}, оператор связи «{operator}»",
        en="{month}, line {line}, operator {operator}",
    ),
    "footer": Said(
        kk="Мектептің коды {school}, желі {line}, {month}, {version}-нұсқа, қорытындының SHA-256 хеші {sha256}…",
        ru="Школа {school}, линия {line}, {month}, версия {version}, SHA-256 заключения {sha256}…",
        en="School {school}, line {line}, {month}, version {version}, SHA-256 of the verdict {sha256}…",
    ),
    "page": Said(kk="{page}-бет, барлығы {pages} бет", ru="Страница {page} из {pages}", en="Page {page} of {pages}"),
    "preliminary": Said(kk="АЛДЫН АЛА ҚОРЫТЫНДЫ", ru="ПРЕДВАРИТЕЛЬНОЕ ЗАКЛЮЧЕНИЕ", en="PRELIMINARY"),
    "preliminary.why": Said(
        kk="Ай әлі жабылған жоқ: қорытынды өзгеруі мүмкін және дәлелдемелер журналына енгізілмеген.",
        ru="Месяц ещё не закрыт: заключение может измениться и в журнал доказательств не внесено.",
        en="The month is not closed: this verdict may still change, and the evidence log does not hold it.",
    ),
    "synthetic": Said(kk="СИНТЕТИКАЛЫҚ ДЕРЕКТЕР", ru="СИНТЕТИЧЕСКИЕ ДАННЫЕ", en="SYNTHETIC DATA"),
    "synthetic.why": Said(
        kk="Мектеп пен оның өлшеулерін бағдарлама көрсету мақсатында жасаған: олар ешкімге қатысты ештеңені "
        "дәлелдемейді.",
        ru="Школа и её измерения созданы программой для показа: они ничего ни о ком не доказывают.",
        en="A program made up this school and its measurements for a demonstration: they prove nothing about anybody.",
    ),
    "older": Said(kk="БҰРЫНҒЫ НҰСҚА", ru="ПРЕЖНЯЯ ВЕРСИЯ", en="OLDER VERSION"),
    "older.why": Said(
        kk="Бұл – қорытындының {version}-нұсқасы; қазір {newest}-нұсқасы күшінде.",
        ru="Это версия {version} заключения; сейчас действует версия {newest}.",
        en="This is version {version} of the verdict; version {newest} is in force now.",
    ),
    "incomplete": Said(kk="ЕСЕПТЕР БАСҚА", ru="СОСТАВ ОТЧЁТОВ ИЗМЕНИЛСЯ", en="REPORTS DIFFER"),
    "incomplete.why": Said(
        kk="Қазір сақталған есептер осы қорытынды негізделген есептермен дәл келмейді (мысалы, сақтау мерзімі өткен), "
        "сондықтан диаграммалар, үзілістер және өлшеулер кестесі берілмеген. Қорытынды мен оның хештері өзгерген жоқ.",
        ru="Хранящиеся сейчас отчёты не вполне совпадают с теми, на которых основано заключение (например, истёк срок "
        "хранения), поэтому диаграммы, перерывы связи и таблица измерений не приводятся. Само заключение и его хеши "
        "остались прежними.",
        en="The reports that are stored now are not exactly those that this verdict was drawn from (their time may be "
        "over), so there are no charts, outages and tests here. The verdict and its hashes are as they were.",
    ),
    # What came of it: the label, and the verdict in one sentence.
    "state.compliant": Said(kk="Шарт сақталды", ru="Договор соблюдён", en="Contract kept"),
    "state.watch": Said(kk="Бақылауға алынды", ru="Под наблюдением", en="To be watched"),
    "state.breach": Said(kk="Шарт бұзылды", ru="Нарушение договора", en="Breach of contract"),
    "state.insufficient": Said(kk="Деректер жеткіліксіз", ru="Недостаточно данных", en="Not enough data"),
    "state.no contract": Said(kk="Шарт жоқ", ru="Договор отсутствует", en="No contract"),
    "breach.download": Said(
        kk="{month} айында жүктеп алу жылдамдығы бағаланған жарты сағаттық аралықтардың (барлығы {judged}) тек "
        "{share}-ында талап етілген {level} деңгейіне жетті, ал «{operator}» байланыс операторымен жасалған шарт "
        "мұндай аралықтардың үлесі кемінде {limit} болуын талап етеді.",
        ru="За {month} скорость загрузки достигала требуемых {level} лишь в {share} оценённых получасовых интервалов "
        "(всего {judged}), тогда как договор с оператором связи «{operator}» требует не менее {limit}.",
        en="In {month} the download speed reached the required {level} in only {share} of the judged half-hours "
        "({judged} in all), although the contract with {operator} requires at least {limit}.",
    ),
    "breach.upload": Said(
        kk="{month} айында жүктеп салу жылдамдығы бағаланған жарты сағаттық аралықтардың (барлығы {judged}) тек "
        "{share}-ында талап етілген {level} деңгейіне жетті, ал «{operator}» байланыс операторымен жасалған шарт "
        "мұндай аралықтардың үлесі кемінде {limit} болуын талап етеді.",
        ru="За {month} скорость отправки достигала требуемых {level} лишь в {share} оценённых получасовых интервалов "
        "(всего {judged}), тогда как договор с оператором связи «{operator}» требует не менее {limit}.",
        en="In {month} the upload speed reached the required {level} in only {share} of the judged half-hours "
        "({judged} in all), although the contract with {operator} requires at least {limit}.",
    ),
    "breach.download once a day": Said(
        kk="{month} айында жүктеп алу жылдамдығы бағаланған күндердің (барлығы {judged}) тек {share}-ында кемінде бір "
        "рет {level} деңгейіне жетті, ал «{operator}» байланыс операторымен жасалған шарт мұндай күндердің үлесі "
        "кемінде {limit} болуын талап етеді.",
        ru="За {month} скорость загрузки хотя бы раз в день достигала {level} лишь в {share} оценённых дней (всего "
        "{judged}), тогда как договор с оператором связи «{operator}» требует не менее {limit}.",
        en="In {month} the download speed reached {level} at least once a day on only {share} of the judged days "
        "({judged} in all), although the contract with {operator} requires at least {limit}.",
    ),
    "breach.upload once a day": Said(
        kk="{month} айында жүктеп салу жылдамдығы бағаланған күндердің (барлығы {judged}) тек {share}-ында кемінде "
        "бір рет {level} деңгейіне жетті, ал «{operator}» байланыс операторымен жасалған шарт мұндай күндердің үлесі "
        "кемінде {limit} болуын талап етеді.",
        ru="За {month} скорость отправки хотя бы раз в день достигала {level} лишь в {share} оценённых дней (всего "
        "{judged}), тогда как договор с оператором связи «{operator}» требует не менее {limit}.",
        en="In {month} the upload speed reached {level} at least once a day on only {share} of the judged days "
        "({judged} in all), although the contract with {operator} requires at least {limit}.",
    ),
    "breach.round trip": Said(
        kk="{month} айында кідіріс бағаланған жарты сағаттық аралықтардың (барлығы {judged}) тек {share}-ында {level} "
        "шегінен аспады, ал «{operator}» байланыс операторымен жасалған шарт мұндай аралықтардың үлесі кемінде "
        "{limit} болуын талап етеді.",
        ru="За {month} задержка не превышала {level} лишь в {share} оценённых получасовых интервалов (всего "
        "{judged}), тогда как договор с оператором связи «{operator}» требует не менее {limit}.",
        en="In {month} the round trip took at most {level} in only {share} of the judged half-hours ({judged} in "
        "all), although the contract with {operator} requires at least {limit}.",
    ),
    "breach.hours down": Said(
        kk="{month} айын қоса алғандағы он екі айда байланыс кемінде {hours} сағат болмады, ал «{operator}» байланыс "
        "операторымен жасалған шарт жылына {most} сағаттан асырмауды талап етеді.",
        ru="За двенадцать месяцев, включая {month}, связь отсутствовала не менее {hours} ч, тогда как договор с "
        "оператором связи «{operator}» допускает не более {most} ч в год.",
        en="In the twelve months up to and including {month} the line was down for at least {hours} hours, although "
        "the contract with {operator} allows {most} hours a year.",
    ),
    "breach.days down": Said(
        kk="{month} айында байланыс қатарынан {days} жұмыс күні болмады; қатарынан {most} немесе одан көп жұмыс күні "
        "байланыстың болмауы «{operator}» байланыс операторымен жасалған шартты бұзу болып саналады.",
        ru="За {month} число рабочих дней подряд без связи составило {days}; нарушением договора с оператором связи "
        "«{operator}» считается {most} и более.",
        en="In {month} the line was down on {days} working days in a row; {most} or more are a breach of the contract "
        "with {operator}.",
    ),
    "watch.download": Said(
        kk="{month} айында жүктеп алу жылдамдығы бағаланған жарты сағаттық аралықтардың (барлығы {judged}) "
        "{share}-ында талап етілген {level} деңгейіне жетті, бұл «{operator}» байланыс операторымен жасалған шарттағы "
        "{limit} шегінен төмен; мұны әлі кездейсоқтықпен түсіндіруге болады, сондықтан желі бақылауға алынды, ал "
        "шарттың бұзылғаны анықталған жоқ.",
        ru="За {month} скорость загрузки достигала требуемых {level} в {share} оценённых получасовых интервалов "
        "(всего {judged}), что ниже порога {limit} по договору с оператором связи «{operator}»; это ещё можно "
        "объяснить случайностью, поэтому линия взята под наблюдение, а нарушение не установлено.",
        en="In {month} the download speed reached the required {level} in {share} of the judged half-hours ({judged} "
        "in all), less than the {limit} of the contract with {operator}; chance may still explain this, so the line "
        "is watched and nobody is accused.",
    ),
    "watch.upload": Said(
        kk="{month} айында жүктеп салу жылдамдығы бағаланған жарты сағаттық аралықтардың (барлығы {judged}) "
        "{share}-ында талап етілген {level} деңгейіне жетті, бұл «{operator}» байланыс операторымен жасалған шарттағы "
        "{limit} шегінен төмен; мұны әлі кездейсоқтықпен түсіндіруге болады, сондықтан желі бақылауға алынды, ал "
        "шарттың бұзылғаны анықталған жоқ.",
        ru="За {month} скорость отправки достигала требуемых {level} в {share} оценённых получасовых интервалов "
        "(всего {judged}), что ниже порога {limit} по договору с оператором связи «{operator}»; это ещё можно "
        "объяснить случайностью, поэтому линия взята под наблюдение, а нарушение не установлено.",
        en="In {month} the upload speed reached the required {level} in {share} of the judged half-hours ({judged} in "
        "all), less than the {limit} of the contract with {operator}; chance may still explain this, so the line is "
        "watched and nobody is accused.",
    ),
    "watch.download once a day": Said(
        kk="{month} айында жүктеп алу жылдамдығы бағаланған күндердің (барлығы {judged}) {share}-ында кемінде бір рет "
        "{level} деңгейіне жетті, бұл «{operator}» байланыс операторымен жасалған шарттағы {limit} шегінен төмен; "
        "мұны әлі кездейсоқтықпен түсіндіруге болады, сондықтан желі бақылауға алынды, ал шарттың бұзылғаны "
        "анықталған жоқ.",
        ru="За {month} скорость загрузки хотя бы раз в день достигала {level} в {share} оценённых дней (всего "
        "{judged}), что ниже порога {limit} по договору с оператором связи «{operator}»; это ещё можно объяснить "
        "случайностью, поэтому линия взята под наблюдение, а нарушение не установлено.",
        en="In {month} the download speed reached {level} at least once a day on {share} of the judged days ({judged} "
        "in all), less than the {limit} of the contract with {operator}; chance may still explain this, so the line "
        "is watched and nobody is accused.",
    ),
    "watch.upload once a day": Said(
        kk="{month} айында жүктеп салу жылдамдығы бағаланған күндердің (барлығы {judged}) {share}-ында кемінде бір "
        "рет {level} деңгейіне жетті, бұл «{operator}» байланыс операторымен жасалған шарттағы {limit} шегінен төмен; "
        "мұны әлі кездейсоқтықпен түсіндіруге болады, сондықтан желі бақылауға алынды, ал шарттың бұзылғаны "
        "анықталған жоқ.",
        ru="За {month} скорость отправки хотя бы раз в день достигала {level} в {share} оценённых дней (всего "
        "{judged}), что ниже порога {limit} по договору с оператором связи «{operator}»; это ещё можно объяснить "
        "случайностью, поэтому линия взята под наблюдение, а нарушение не установлено.",
        en="In {month} the upload speed reached {level} at least once a day on {share} of the judged days ({judged} "
        "in all), less than the {limit} of the contract with {operator}; chance may still explain this, so the line "
        "is watched and nobody is accused.",
    ),
    "watch.round trip": Said(
        kk="{month} айында кідіріс бағаланған жарты сағаттық аралықтардың (барлығы {judged}) {share}-ында {level} "
        "шегінен аспады, бұл «{operator}» байланыс операторымен жасалған шарттағы {limit} шегінен төмен; мұны әлі "
        "кездейсоқтықпен түсіндіруге болады, сондықтан желі бақылауға алынды, ал шарттың бұзылғаны анықталған жоқ.",
        ru="За {month} задержка не превышала {level} в {share} оценённых получасовых интервалов (всего {judged}), что "
        "ниже порога {limit} по договору с оператором связи «{operator}»; это ещё можно объяснить случайностью, "
        "поэтому линия взята под наблюдение, а нарушение не установлено.",
        en="In {month} the round trip took at most {level} in {share} of the judged half-hours ({judged} in all), "
        "less than the {limit} of the contract with {operator}; chance may still explain this, so the line is watched "
        "and nobody is accused.",
    ),
    "short.too": Said(
        kk="Қажетті үлеске жетпеген басқа талаптар: {parts}.",
        ru="Ниже порога также: {parts}.",
        en="Also short of what is required: {parts}.",
    ),
    "short.part": Said(
        kk="{asked} ({share}, қажетті үлес {limit})",
        ru="{asked} ({share} при пороге {limit})",
        en="{asked} ({share}, required {limit})",
    ),
    "watch.among lines": Said(
        kk="{month} айында желінің көрсеткіштері «{operator}» байланыс операторымен жасалған шарттың талаптарынан "
        "төмен болды, бірақ оператордың бағаланған барлық желілерінің (саны {lines}) арасында мұндай нәтиже кездейсоқ "
        "болуы мүмкін; сондықтан желі бақылауға алынды, ал шарттың бұзылғаны анықталған жоқ.",
        ru="За {month} показатели линии оказались ниже требований договора с оператором связи «{operator}», однако "
        "среди всех оценённых линий оператора (всего {lines}) такой результат может быть случайным; поэтому линия "
        "взята под наблюдение, а нарушение не установлено.",
        en="In {month} the line gave less than the contract with {operator} requires, but among all judged lines of "
        "this operator ({lines} in all) such a result may be chance; so the line is watched and nobody is accused.",
    ),
    "compliant": Said(
        kk="{month} айында желі «{operator}» байланыс операторы шарт бойынша уәде еткен деңгейді қамтамасыз етті: "
        "өлшеулер кездейсоқтықпен түсіндіруге келмейтін кемшілікті көрсетпеді.",
        ru="За {month} линия обеспечила то, что оператор связи «{operator}» обещал по договору: измерения не показали "
        "недостатков, которые нельзя объяснить случайностью.",
        en="In {month} the line gave what {operator} had promised: the measurements show no shortfall beyond chance.",
    ),
    "insufficient": Said(
        kk="{month} айындағы өлшеулер «{operator}» байланыс операторының шартты сақтағанын бағалауға жеткіліксіз; бұл "
        "шарт бұзылды дегенді де, сақталды дегенді де білдірмейді.",
        ru="Измерений за {month} недостаточно, чтобы судить, соблюдал ли оператор связи «{operator}» договор; это не "
        "означает ни нарушения, ни его отсутствия.",
        en="In {month} too little was measured to say whether {operator} kept the contract; this accuses nobody and "
        "clears nobody.",
    ),
    "no contract": Said(
        kk="{month} айына осы желі бойынша «{operator}» байланыс операторымен жасалған шарт тіркелмеген, сондықтан "
        "бағалау жүргізілген жоқ.",
        ru="На {month} договор с оператором связи «{operator}» на эту линию не зарегистрирован, поэтому оценка не "
        "проводилась.",
        en="For {month} no contract with {operator} on this line is recorded, so nothing was judged.",
    ),
    "recurring": Said(
        kk="Бұзушылық қайталанып отыр: қатарынан {of} айдың кемінде {months} айында шарт бұзылды.",
        ru="Нарушение повторяется: договор нарушен не менее чем в {months} из {of} месяцев подряд.",
        en="It is recurring: at least {months} of {of} months in a row were breaches.",
    ),
    "chance": Said(
        kk="Дәл шарттағы шекте жұмыс істейтін желінің осындай немесе одан да нашар нәтиже көрсету ықтималдығы: "
        "{chance}.",
        ru="Вероятность того, что линия, работающая ровно на пороге договора, покажет такой же или худший результат: "
        "{chance}.",
        en="The chance that a line exactly at its limit comes out so, or worse: {chance}.",
    ),
    "reduction": Said(
        kk="Шарт талаптары бойынша айлық төлем {amount} мөлшеріне кемітіледі.",
        ru="По условиям договора плата за месяц уменьшается на {amount}.",
        en="By the contract the month's price falls by {amount}.",
    ),
    # Who, what, when.
    "who": Said(kk="Кім, не және қашан", ru="Кто, что и когда", en="Who, what and when"),
    "school.id": Said(kk="Мектептің коды", ru="Код школы", en="School's id"),
    "region": Said(kk="Өңір", ru="Регион", en="Region"),
    "district": Said(kk="Аудан", ru="Район", en="District"),
    "line": Said(kk="Желі", ru="Линия", en="Line"),
    "operator": Said(kk="Байланыс операторы", ru="Оператор связи", en="Operator"),
    "contract": Said(kk="Шарт", ru="Договор", en="Contract"),
    "contract.of": Said(
        kk="{contract}, {number}-жазба, қолданылған күндері: {first} – {last}",
        ru="{contract}, запись {number}, действие в этом месяце: {first} – {last}",
        en="{contract}, record {number}, in force in this month: {first} – {last}",
    ),
    "promised.download": Said(
        kk="Шарт бойынша жүктеп алу жылдамдығы", ru="Скорость загрузки по договору", en="Promised download speed"
    ),
    "promised.upload": Said(
        kk="Шарт бойынша жүктеп салу жылдамдығы", ru="Скорость отправки по договору", en="Promised upload speed"
    ),
    "normal.download": Said(
        kk="Әдетте қолжетімді жүктеп алу жылдамдығы",
        ru="Обычно доступная скорость загрузки",
        en="Normally available download speed",
    ),
    "normal.upload": Said(
        kk="Әдетте қолжетімді жүктеп салу жылдамдығы",
        ru="Обычно доступная скорость отправки",
        en="Normally available upload speed",
    ),
    "least.download": Said(
        kk="Ең төменгі жүктеп алу жылдамдығы", ru="Минимальная скорость загрузки", en="Least download speed"
    ),
    "least.upload": Said(
        kk="Ең төменгі жүктеп салу жылдамдығы", ru="Минимальная скорость отправки", en="Least upload speed"
    ),
    "promised.rtt": Said(
        kk="Шарт бойынша ең көп кідіріс", ru="Наибольшая задержка по договору", en="Longest round trip promised"
    ),
    "promised.outage": Said(
        kk="Байланыс болмауының рұқсат етілген ұзақтығы",
        ru="Допустимая длительность отсутствия связи",
        en="Time down that is allowed",
    ),
    "hours a year": Said(kk="жылына {hours} сағат", ru="{hours} ч в год", en="{hours} hours a year"),
    "hours": Said(kk="Бағаланатын уақыт", ru="Оцениваемое время", en="Time that counts"),
    "hours.lessons": Said(kk="сабақ уақыты", ru="время занятий", en="while lessons go on"),
    "hours.always": Said(kk="тәулік бойы", ru="круглосуточно", en="at all hours"),
    "month": Said(kk="Есепті ай", ru="Отчётный месяц", en="Month"),
    "version": Said(kk="Қорытындының нұсқасы", ru="Версия заключения", en="Version of the verdict"),
    "version.of": Said(kk="{version}, жасалған уақыты: {at}", ru="{version}, составлена {at}", en="{version}, of {at}"),
    "heard": Said(kk="Өлшеулер", ru="Измерения", en="Tests"),
    "heard.of": Said(
        kk="барлығы {tests}, ескерілгені {used}; компьютерлердің есептері: {reports}",
        ru="всего {tests}, учтено {used}; отчётов компьютеров: {reports}",
        en="{tests} in all, {used} used; reports of computers: {reports}",
    ),
    # What was asked, part by part.
    "parts": Said(kk="Талаптар және нәтижелер", ru="Требования и результаты", en="What was asked, what was found"),
    "parts.asked": Said(kk="Талап", ru="Требование", en="Asked"),
    "parts.judged": Said(kk="Бағаланды, n", ru="Оценено, n", en="Judged, n"),
    "parts.good": Said(kk="Талапқа сай", ru="Выполнено", en="Good"),
    "parts.effective": Said(kk="Тиімді n", ru="Эффективное n", en="Effective n"),
    "parts.share": Said(kk="Үлесі", ru="Доля", en="Share"),
    "parts.bound": Said(kk="Жоғарғы шек", ru="Верхняя граница", en="Upper bound"),
    "parts.limit": Said(kk="Қажетті үлес", ru="Порог", en="Required"),
    "parts.result": Said(kk="Нәтиже", ru="Итог", en="Result"),
    "part.download": Said(
        kk="Жүктеп алу жылдамдығы кемінде {level}",
        ru="Скорость загрузки не ниже {level}",
        en="Download at least {level}",
    ),
    "part.upload": Said(
        kk="Жүктеп салу жылдамдығы кемінде {level}",
        ru="Скорость отправки не ниже {level}",
        en="Upload at least {level}",
    ),
    "part.download once a day": Said(
        kk="Жүктеп алу жылдамдығы күніне бір рет болса да кемінде {level}",
        ru="Скорость загрузки хотя бы раз в день не ниже {level}",
        en="Download at least {level} once a day",
    ),
    "part.upload once a day": Said(
        kk="Жүктеп салу жылдамдығы күніне бір рет болса да кемінде {level}",
        ru="Скорость отправки хотя бы раз в день не ниже {level}",
        en="Upload at least {level} once a day",
    ),
    "part.round trip": Said(
        kk="Кідіріс {level} шегінен аспайды", ru="Задержка не более {level}", en="Round trip at most {level}"
    ),
    "result.kept": Said(kk="сақталды", ru="соблюдено", en="kept"),
    "result.watch": Said(kk="бақылауда", ru="под наблюдением", en="watched"),
    "result.broken": Said(kk="бұзылды", ru="нарушено", en="broken"),
    "result.too little": Said(kk="дерек аз", ru="мало данных", en="too little"),
    "parts.note": Said(
        kk="n – кемінде бір өлшеу жауап бере алған жарты сағаттық аралықтардың («күніне бір рет» талабында – "
        "күндердің) саны. Бір күннің аралықтары бір-біріне ұқсас болғандықтан, олар тиімді n тәуелсіз аралыққа тең "
        "деп алынады. Жоғарғы шек – негізсіз айыптау тәуекелі {risk} болғанда осы нәтижеге әлі сыятын ең үлкен шынайы "
        "үлес; ол қажетті үлестен төмен болса, талап бұзылған. Сызбада: ● – үлес, | – жоғарғы шек, ▼ – қажетті үлес.",
        ru="n — число получасовых интервалов (для требования «раз в день» — дней), о которых могло судить хотя бы "
        "одно измерение. Интервалы одного дня похожи друг на друга, поэтому приравниваются к эффективному n "
        "независимых. Верхняя граница — наибольшая истинная доля, которую ещё допускает такой результат при риске "
        "необоснованного обвинения {risk}; если она ниже порога, требование нарушено. На шкале: ● — доля, | — верхняя "
        "граница, ▼ — порог.",
        en="n: the half-hours (where it says “once a day”: days) of which at least one test could tell. Those of one "
        "day are alike, so that they are worth no more than the effective n. Upper bound: the largest true share that "
        "such a result still allows, at a risk of {risk} of accusing wrongly; where it is below the required share, "
        "the promise is broken. On the scale: ● the share, | the upper bound, ▼ what is required.",
    ),
    "parts.by record": Said(
        kk="Мектеп есептері емес, сынақ серверінің өз жазбалары арқасында ғана талапқа сай деп саналған аралықтардың "
        "(әр бағытта бөлек) саны: {count}.",
        ru="Число интервалов (по каждому направлению), признанных выполненными лишь по собственным записям серверов "
        "об измерениях, а не по отчётам школы: {count}.",
        en="Half-hours, in each direction, that count as good only by what a server itself recorded of a test, not by "
        "the school's reports: {count}.",
    ),
    # Charts.
    "chart.download": Said(
        kk="Жүктеп алу жылдамдығы, Мбит/с: әр жарты сағаттағы ең жақсы өлшеу",
        ru="Скорость загрузки, Мбит/с: лучшее измерение каждого получасового интервала",
        en="Download speed, Mbit/s: the best test of each half-hour",
    ),
    "chart.upload": Said(
        kk="Жүктеп салу жылдамдығы, Мбит/с: әр жарты сағаттағы ең жақсы өлшеу",
        ru="Скорость отправки, Мбит/с: лучшее измерение каждого получасового интервала",
        en="Upload speed, Mbit/s: the best test of each half-hour",
    ),
    "chart.round trip": Said(
        kk="Кідіріс, мс: әр жарты сағаттағы ең қысқасы",
        ru="Задержка, мс: наименьшая в каждом получасовом интервале",
        en="Round trip, ms: the shortest of each half-hour",
    ),
    "chart.cut": Said(
        kk="Жоғарғы жиектегі белгілер бұдан да ұзақ кідірісті білдіреді.",
        ru="Знаки у верхнего края означают ещё большую задержку.",
        en="Marks at the upper edge stand for longer ones still.",
    ),
    "chart.alt": Said(
        kk="{title}. {about}: бағаланғаны {judged}, талапқа сайы {good}. Әр өлшеу құжаттың соңындағы кестеде берілген.",
        ru="{title}. {about}: оценено {judged}, выполнено {good}. Каждое измерение есть в таблице в конце документа.",
        en="{title}. {about}: judged {judged}, good {good}. Each test is in the table at the end of this document.",
    ),
    "chart.days": Said(
        kk="Айдың күндері; күн ішінде – {begins} мен {ends} аралығы",
        ru="Дни месяца; внутри дня — с {begins} до {ends}",
        en="Days of the month; within a day from {begins} to {ends}",
    ),
    "mark.good": Said(
        kk="талап етілетін деңгейге жетті", ru="требуемый уровень достигнут", en="reached the required level"
    ),
    "mark.bad": Said(kk="талап етілетін деңгейге жетпеді", ru="требуемый уровень не достигнут", en="did not reach it"),
    "mark.least": Said(
        kk="жетті, жылдамдық бұдан да жоғары болуы мүмкін",
        ru="достигнут, скорость могла быть и выше",
        en="reached it, and may have been faster still",
    ),
    "mark.promised": Said(kk="шарт бойынша жылдамдық", ru="скорость по договору", en="promised speed"),
    "mark.required": Said(kk="талап етілетін деңгей", ru="требуемый уровень", en="required level"),
    "mark.excluded": Said(kk="бағалаудан шығарылған кезең", ru="исключённый период", en="excluded span"),
    "mark.outage": Said(kk="байланыс үзілісі", ru="перерыв связи", en="outage"),
    "chart.none": Said(
        kk="Бұл айда ешбір жарты сағаттық аралықты бағалауға мүмкіндік болған жоқ.",
        ru="В этом месяце ни один получасовой интервал оценить не удалось.",
        en="In this month no half-hour could be judged.",
    ),
    # Outages and exclusions.
    "outages": Said(kk="Байланыс үзілістері", ru="Перерывы связи", en="Outages"),
    "outages.none": Said(
        kk="Бұл айда анық расталған байланыс үзілісі болған жоқ.",
        ru="Достоверно установленных перерывов связи в этом месяце не было.",
        en="No outage is known for certain in this month.",
    ),
    "outages.sum": Said(
        kk="Анық расталған байланыс үзілістерінің саны: {count}, жалпы ұзақтығы кемінде {hours} сағат; осы айды қоса "
        "алғандағы он екі айда – кемінде {year} сағат.",
        ru="Достоверно установленных перерывов связи: {count}, общая продолжительность не менее {hours} ч; за "
        "двенадцать месяцев, включая этот, — не менее {year} ч.",
        en="Outages that are known for certain: {count}, at least {hours} hours together; in the twelve months up to "
        "and including this one at least {year} hours.",
    ),
    "outages.begins": Said(kk="Басталуы", ru="Начало", en="From"),
    "outages.ends": Said(kk="Аяқталуы", ru="Окончание", en="To"),
    "outages.hours": Said(kk="Ұзақтығы, сағ:мин", ru="Длительность, ч:мин", en="Duration, h:min"),
    "exclusions": Said(
        kk="Бағалаудан шығарылған кезеңдер", ru="Периоды, исключённые из оценки", en="Spans that do not count"
    ),
    "exclusions.none": Said(
        kk="Бұл айға бағалаудан шығарылатын кезеңдер тіркелмеген.",
        ru="На этот месяц исключений из оценки не зарегистрировано.",
        en="Nothing was filed for this month that would not count.",
    ),
    "exclusions.kind": Said(kk="Түрі", ru="Вид", en="Kind"),
    "exclusions.announced": Said(kk="Хабарланды", ru="Объявлено", en="Announced"),
    "exclusions.effect": Said(kk="Салдары", ru="Последствие", en="Effect"),
    "exclusions.by": Said(kk="Кім тіркеді, себебі", ru="Кто внёс, причина", en="Filed by, reason"),
    "kind.planned_works": Said(kk="жоспарлы жұмыстар", ru="плановые работы", en="planned works"),
    "kind.power_cut": Said(kk="электр қуатының ажыратылуы", ru="отключение электроэнергии", en="power cut"),
    "kind.school_disconnection": Said(
        kk="мектептің өзі ажыратуы", ru="отключение самой школой", en="disconnected by the school"
    ),
    "kind.force_majeure": Said(kk="еңсерілмейтін күш", ru="обстоятельства непреодолимой силы", en="force majeure"),
    "kind.holiday": Said(kk="мереке немесе демалыс", ru="праздники или каникулы", en="holiday"),
    "effect.counts not": Said(kk="есепке алынбайды", ru="исключено из оценки", en="does not count"),
    "effect.late": Said(
        kk="есепке алынады: кеш хабарланған немесе жылдық шектен асқан",
        ru="учитывается: объявлено поздно или сверх годового лимита",
        en="counts: announced too late, or beyond the year's allowance",
    ),
    "effect.claimed": Said(
        kk="есепке алынады: әлі расталмаған", ru="учитывается: ещё не подтверждено", en="counts: not confirmed yet"
    ),
    "effect.withdrawn": Said(kk="есепке алынады: қайтарып алынған", ru="учитывается: отозвано", en="counts: withdrawn"),
    "effect.refused": Said(kk="есепке алынады: қабылданбаған", ru="учитывается: отклонено", en="counts: refused"),
    "signed": Said(kk="{author}: {reason}", ru="{author}: {reason}", en="{author}: {reason}"),
    # Units and figures.
    "mbit": Said(
        kk="{value}\N{NO-BREAK SPACE}Мбит/с", ru="{value}\N{NO-BREAK SPACE}Мбит/с", en="{value}\N{NO-BREAK SPACE}Mbit/s"
    ),
    "ms": Said(kk="{value}\N{NO-BREAK SPACE}мс", ru="{value}\N{NO-BREAK SPACE}мс", en="{value}\N{NO-BREAK SPACE}ms"),
    "below": Said(kk="{value}-дан аз", ru="менее {value}", en="less than {value}"),
    "at least": Said(kk="≥ {value}", ru="≥ {value}", en="≥ {value}"),
    "in brackets": Said(kk="({value})", ru="({value})", en="({value})"),
    "none": Said(kk="–", ru="—", en="–"),
}
