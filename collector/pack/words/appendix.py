"""What the appendix says: the method with its sources, how to check everything, and each test with its reasons."""

from collector.pack.words.said import Said

WORDS: dict[str, Said] = {
    # The method in plain words.
    "method": Said(kk="Қалай бағаланады", ru="Как проводится оценка", en="How lines are judged"),
    "method.slots": Said(
        kk="Уақыт {minutes} минуттық аралықтарға бөлінеді. Әр аралықта ең жақсы өлшеу ғана ескеріледі: бір баяу "
        "компьютер үшін байланыс операторы жауап бермейді.",
        ru="Время делится на интервалы по {minutes} минут. В каждом интервале учитывается только лучшее измерение: за "
        "один медленный компьютер оператор связи не отвечает.",
        en="Time is cut into spans of {minutes} minutes. In each of them only the best test counts: one slow computer "
        "is not the operator's fault.",
    ),
    "method.may speak": Said(
        kk="Өлшеу байланыс операторына қарсы айғақ бола алады, егер: есепке компьютердің кілтімен қол қойылған, "
        "есептер тізбегі үзілмеген және компьютердің сағаты дұрыс болса; компьютер кабельмен қосылып, кабельдің "
        "жылдамдығы талап етілген деңгейден кемінде {headroom} есе жоғары болса; процессор жүктемесі {busy} шегінен, "
        "сол компьютердегі басқа бағдарламалардың трафигі {own} шегінен аспаса; желіні сол сәтте басқа ешкім "
        "пайдаланбаса; диагностика себепті мектептің ішінен таппаса; өлшеу сервері оператордың желісінен тыс "
        "орналасса.",
        ru="Измерение может свидетельствовать против оператора связи, только если: отчёт подписан ключом компьютера, "
        "цепочка отчётов не прервана и часы компьютера верны; компьютер подключён кабелем, скорость которого не менее "
        "чем в {headroom} раза выше требуемого уровня; процессор занят не более чем на {busy}, а другие программы "
        "этого компьютера занимали не более {own} трафика; линией в это время никто другой не пользовался; "
        "диагностика не нашла причину внутри школы; сервер измерений находится вне сети оператора.",
        en="A test may speak against the operator only if: its report is signed with the computer's key, the chain of "
        "reports has no gap, and the clock was right; the computer had a cable of at least {headroom} times the "
        "required speed; its processor was busy to no more than {busy}, and its other programs took no more than "
        "{own} of the traffic; nobody else used the line; the diagnosis found no cause inside the school; and the "
        "server stands outside the operator's network.",
    ),
    "method.others": Said(
        kk="Қалған өлшеулер оператордың пайдасына ғана ескеріледі немесе мүлде ескерілмейді; олардың әрқайсысы "
        "себебімен бірге кестеде көрсетілген. Сервердің осы желі арқылы өткен өлшеу туралы өз жазбасы, мектеп есебі "
        "не айтса да, оператордың пайдасына ескеріледі. Өлшеу қателігі талап етілген деңгейді қамтыса, аралық "
        "орындалған болып саналады.",
        ru="Остальные измерения учитываются лишь в пользу оператора либо не учитываются вовсе; каждое приведено в "
        "таблице с указанием причины. Собственная запись сервера об измерении по этой линии учитывается в пользу "
        "оператора, что бы ни говорилось в отчёте школы. Если требуемый уровень лежит в пределах погрешности "
        "измерения, интервал считается выполненным.",
        en="All other tests speak for the operator only, or say nothing; each is in the table with its reason. What a "
        "server itself recorded of a test over this line speaks for the operator, whatever the school's report says. "
        "Where the required level lies within a test's error, the half-hour counts as good.",
    ),
    "method.shares": Said(
        kk="Ереже: жылдамдық әр бағытта бағаланған жарты сағаттық аралықтардың кемінде {slots}-ында шарттағы "
        "жылдамдықтың {speed} деңгейіне жетуі тиіс; шартта кідіріс көрсетілсе, ол аралықтардың кемінде {rtt}-ында "
        "сақталуы тиіс.",
        ru="Правило: скорость в каждом направлении должна достигать {speed} договорной не менее чем в {slots} "
        "оценённых получасовых интервалов; если в договоре указана задержка, она должна соблюдаться не менее чем в "
        "{rtt} интервалов.",
        en="The rule: in each direction {speed} of the promised speed has to be reached in at least {slots} of the "
        "judged half-hours; a promised round trip has to be kept in at least {rtt} of them.",
    ),
    "method.german": Said(
        kk="Ереже: жылдамдық күндердің кемінде {days}-ында ең болмаса бір рет шарттағы жылдамдықтың {best} деңгейіне, "
        "аралықтардың кемінде {normal}-ында әдетте қолжетімді жылдамдыққа, ал кемінде {least}-ында ең төменгі "
        "жылдамдыққа жетуі тиіс.",
        ru="Правило: не менее чем в {days} дней скорость хотя бы раз должна достигать {best} договорной, не менее чем "
        "в {normal} интервалов — обычно доступной и не менее чем в {least} интервалов — минимальной скорости.",
        en="The rule: on at least {days} of the days {best} of the promised speed has to be reached once, in at least "
        "{normal} of the half-hours the normally available speed, and in at least {least} of them the least speed.",
    ),
    "method.chance": Said(
        kk="Бір күннің аралықтары бір-біріне ұқсас, сондықтан олардың саны тиімді n-ге дейін азайтылады. Дәл шарттағы "
        "шекте жұмыс істейтін желі мұндай нәтижені барлық талаптар бойынша қоса алғанда айлардың {risk}-ынан сирек "
        "көрсететін болса ғана, шарт бұзылды деп танылады. Сонымен қатар бір оператордың көп желісі қатар "
        "бағаланатыны ескеріледі: айыпталған желілердің арасында қате айыпталғандардың күтілетін үлесі {discovery} "
        "шегінен аспайды. Бағалау үшін кемінде {effective} тиімді аралық және {days} күн қажет.",
        ru="Интервалы одного дня похожи друг на друга, поэтому их число уменьшается до эффективного n. Нарушение "
        "признаётся, только если линия, работающая ровно на пороге договора, показала бы такой результат реже чем в "
        "{risk} месяцев — по всем требованиям вместе. Учитывается и то, что одновременно оценивается много линий "
        "одного оператора: ожидаемая доля ошибочно обвинённых среди обвинённых линий не превышает {discovery}. Для "
        "оценки нужно не менее {effective} эффективных интервалов и {days} дней.",
        en="Half-hours of one day are alike, so their number is reduced to the effective n. A breach is found only "
        "where a line exactly at its limit would come out so in less than {risk} of months, all promises taken "
        "together. Many lines of an operator are judged at once, so that of the accused at most {discovery} are to be "
        "expected to be accused wrongly. No less than {effective} effective half-hours and {days} days are needed.",
    ),
    "method.outages": Said(
        kk="Үзіліс тек компьютер қосулы, мектептің маршрутизаторы жауап беріп тұрған, ал одан тыс ештеңе жауап "
        "бермеген кезде есептеледі, алғашқы белгіден соңғысына немесе сервер осы желіден жазып алған өлшеуге дейін; "
        "сондықтан көрсетілген ұзақтық – ең аз мән.",
        ru="Перерыв связи засчитывается, только если компьютер включён и маршрутизатор школы отвечает, а за его "
        "пределами не отвечает ничто, — от первого такого признака до последнего или до измерения по этой линии, "
        "которое записал сервер; поэтому указанная длительность — наименьшая возможная.",
        en="An outage is counted only where a computer was on, the school's router answered and nothing beyond it "
        "did, from the first such sign to the last, or until a server saw a test of this line: the hours are the least "
        "that it can have been.",
    ),
    "method.exclusions": Said(
        kk="Жоспарлы жұмыстар кемінде {hours} сағат бұрын хабарланып, шартта көзделген жылдық шектен аспаса ғана "
        "бағалаудан шығарылады.",
        ru="Плановые работы исключаются из оценки, только если о них объявлено не менее чем за {hours} ч и они "
        "укладываются в годовой лимит, предусмотренный договором.",
        en="Planned works are left out only if they were announced at least {hours} hours ahead and stay within what "
        "the contract allows in a year.",
    ),
    "sources": Said(kk="Дереккөздер", ru="Источники", en="Sources"),
    "sources.rule": Said(
        kk="Ереженің дереккөзі (түпнұсқа тілінде): {source}.",
        ru="Источник правила (на языке оригинала): {source}.",
        en="Source of the rule: {source}.",
    ),
    "sources.unverified": Said(
        kk="Түпнұсқадан тексерілмегені (ағылшын тілінде): {text}",
        ru="Не проверено по первоисточнику (на английском языке): {text}",
        en="What was not verified in it: {text}",
    ),
    "sources.statistics": Said(
        kk="Статистика: Kish, Survey Sampling (1965), 8.2 (ұқсас бақылаулардың тиімді саны); Fleiss, Levin, Paik, "
        "Statistical Methods for Rates and Proportions (2003), 15.2; Clopper, Pearson, Biometrika 26 (1934), 404 "
        "(үлестің шегі); Benjamini, Hochberg, JRSS B 57 (1995), 289 (көп желіні қатар бағалау).",
        ru="Статистика: Kish, Survey Sampling (1965), 8.2 (эффективное число похожих наблюдений); Fleiss, Levin, "
        "Paik, Statistical Methods for Rates and Proportions (2003), 15.2; Clopper, Pearson, Biometrika 26 (1934), "
        "404 (граница доли); Benjamini, Hochberg, JRSS B 57 (1995), 289 (одновременная оценка многих линий).",
        en="Statistics: Kish, Survey Sampling (1965), 8.2 (how many observations alike ones are worth); Fleiss, "
        "Levin, Paik, Statistical Methods for Rates and Proportions (2003), 15.2; Clopper, Pearson, Biometrika 26 "
        "(1934), 404 (bound of a share); Benjamini, Hochberg, JRSS B 57 (1995), 289 (many lines judged at once).",
    ),
    "sources.log": Said(
        kk="Дәлелдемелер журналы: RFC 9162 (хештер ағашы), C2SP signed-note, tlog-checkpoint, tlog-cosignature.",
        ru="Журнал доказательств: RFC 9162 (дерево хешей), C2SP signed-note, tlog-checkpoint, tlog-cosignature.",
        en="The evidence log: RFC 9162 (tree of hashes), C2SP signed-note, tlog-checkpoint, tlog-cosignature.",
    ),
    # How to check it.
    "check": Said(kk="Қалай тексеруге болады", ru="Как это проверить", en="How to check it"),
    "check.why": Said(
        kk="Бұл құжат – басып шығаруға арналған көшірме. Дәлелдемелер файлында қол қойылған есептердің өзі, шарттар "
        "мен журналдың дәлелдері бар; оны кез келген адам дерекқорсыз және желісіз тексере алады, әрі қорытынды "
        "байтпа-байт қайта есептеледі.",
        ru="Этот документ — копия для печати. Файл доказательств содержит сами подписанные отчёты, договоры и "
        "доказательства из журнала; проверить его может любой, без базы данных и без сети, и заключение будет "
        "вычислено заново байт в байт.",
        en="This paper is a copy for reading. The bundle of evidence holds the signed reports themselves, the "
        "contracts and the proofs of the log; anybody can verify it without database and network, and the verdict is "
        "computed again to the same bytes.",
    ),
    "check.ask": Said(
        kk="1. Дәлелдемелер файлын API арқылы алыңыз (оны байланыс операторы, мектеп және министрлік өз токенімен ала "
        "алады):",
        ru="1. Получите файл доказательств через API (его могут получить оператор связи, школа и министерство, каждый "
        "со своим токеном):",
        en="1. Get the bundle of evidence through the API (the operator, the school and the ministry may, each with a "
        "token):",
    ),
    "check.export": Said(
        kk="немесе оны жүйені басқаратын адам жасап береді:",
        ru="либо его выгружает администратор системы:",
        en="or whoever runs the collector makes it:",
    ),
    "check.verify": Said(
        kk="2. Оны өз компьютеріңізде тексеріңіз, дерекқор да, желі де қажет емес:",
        ru="2. Проверьте его на своём компьютере — ни база данных, ни сеть для этого не нужны:",
        en="2. Verify it on your own computer, without database and network:",
    ),
    "check.compare": Said(
        kk="3. Тексеру бағдарламасы көрсеткен қорытындының SHA-256 хешін төмендегі хешпен салыстырыңыз. Журналдың "
        "кілтін тек осы қағаздан емес, өзіңіз сенетін адамнан да алыңыз.",
        ru="3. Сравните SHA-256 заключения, который покажет программа проверки, с приведённым ниже. Ключ журнала "
        "возьмите не только из этой бумаги, но и у того, кому доверяете.",
        en="3. Compare the verdict's SHA-256 that it shows with the one below. Take the log's key not from this paper "
        "alone but also from somebody you trust.",
    ),
    "check.preliminary": Said(
        kk="Алдын ала қорытынды журналға енгізілмейді, сондықтан оны әлі тексеруге болмайды.",
        ru="Предварительное заключение в журнал не вносится, поэтому проверить его пока нельзя.",
        en="A preliminary verdict is not in the log and cannot be verified yet.",
    ),
    "hash.verdict": Said(kk="Қорытындының SHA-256 хеші", ru="SHA-256 заключения", en="SHA-256 of the verdict"),
    "hash.reports": Said(
        kk="Есептер тізімінің SHA-256 хеші", ru="SHA-256 списка отчётов", en="SHA-256 of the list of reports"
    ),
    "hash.facts": Said(kk="Өзге деректердің SHA-256 хеші", ru="SHA-256 прочих фактов", en="SHA-256 of all other facts"),
    "hash.standard": Said(
        kk="Ережелердің SHA-256 хеші (sla.toml)", ru="SHA-256 правил (sla.toml)", en="SHA-256 of the rules (sla.toml)"
    ),
    "hash.causes": Said(
        kk="Диагностика ережелерінің SHA-256 хеші (diagnosis.toml)",
        ru="SHA-256 правил диагностики (diagnosis.toml)",
        en="SHA-256 of the diagnosis's rules (diagnosis.toml)",
    ),
    "rules.version": Said(kk="Ережелердің нұсқасы", ru="Версия правил", en="Version of the rules"),
    "log.origin": Said(kk="Дәлелдемелер журналы", ru="Журнал доказательств", en="Evidence log"),
    "log.key": Said(kk="Журналдың кілті", ru="Ключ журнала", en="Key of the log"),
    "log.index": Said(
        kk="Журналдағы жазбаның нөмірі", ru="Номер записи в журнале", en="Number of the entry in the log"
    ),
    "log.checkpoint": Said(
        kk="Жазба кірген алғашқы бақылау нүктесі",
        ru="Первая контрольная точка с этой записью",
        en="First checkpoint with this entry",
    ),
    "log.checkpoint.of": Said(
        kk="{size} жазба, қол қойылған уақыты: {at}",
        ru="записей: {size}, подписана {at}",
        en="{size} entries, signed {at}",
    ),
    "log.root": Said(
        kk="Бақылау нүктесіндегі ағаш түбірі", ru="Корень дерева в контрольной точке", en="Root of the tree in it"
    ),
    "log.witnesses": Said(kk="Растаған куәгерлер", ru="Заверили свидетели", en="Cosigned by the witnesses"),
    "log.nobody": Said(kk="әзірге ешкім растаған жоқ", ru="пока никто", en="nobody yet"),
    "log.waits": Said(
        kk="әлі енгізілген жоқ: қорытынды журналдағы орнын күтіп тұр",
        ru="ещё не внесено: заключение ожидает своего места в журнале",
        en="not yet: the verdict waits for its place in the log",
    ),
    "log.unsigned": Said(
        kk="әлі қол қойылған жоқ; бақылау нүктесіне сағат сайын қол қойылады",
        ru="ещё не подписана; контрольная точка подписывается каждый час",
        en="not signed yet; a checkpoint is signed each hour",
    ),
    # Reasons, counted.
    "reasons": Said(
        kk="Операторға қарсы ескерілмеген өлшеулер",
        ru="Измерения, не учтённые против оператора",
        en="Tests that did not count against the operator",
    ),
    "reasons.why": Said(kk="Себебі", ru="Причина", en="Reason"),
    "reasons.count": Said(kk="Саны", ru="Число", en="Number"),
    "reasons.none": Said(kk="Барлық өлшеу ескерілді.", ru="Учтены все измерения.", en="Every test counted."),
    # The tests.
    "tests": Said(kk="Барлық өлшеулер", ru="Все измерения", en="All tests"),
    "tests.time": Said(kk="Уақыты", ru="Время", en="Time"),
    "tests.computer": Said(kk="Компьютер / есеп", ru="Компьютер / отчёт", en="Computer / report"),
    "tests.server": Said(kk="С.", ru="С.", en="S."),
    "tests.download": Said(kk="Жүктеп алу", ru="Загрузка", en="Download"),
    "tests.upload": Said(kk="Жүктеп салу", ru="Отправка", en="Upload"),
    "tests.counted": Said(kk="Ескерілді", ru="Учтено", en="Counted"),
    "tests.used": Said(kk="иә", ru="да", en="yes"),
    "tests.silent": Said(
        kk="өлшеу мәні талап туралы ештеңе айтпайды",
        ru="результат ничего не говорит о требовании",
        en="the figure does not tell about what is asked",
    ),
    "tests.record": Said(kk="сервер {agent}", ru="сервер {agent}", en="server {agent}"),
    "tests.key": Said(kk="{mark} – {text}", ru="{mark} — {text}", en="{mark} – {text}"),
    "tests.servers": Said(
        kk="Сынақ серверлері: {servers}.", ru="Серверы измерений: {servers}.", en="Test servers: {servers}."
    ),
    "tests.reasons": Said(
        kk="Ескерілмеу себептері: {reasons}.",
        ru="Почему не учтено: {reasons}.",
        en="Why a test did not count: {reasons}.",
    ),
    "tests.note": Said(
        kk="Жылдамдық Мбит/с-пен берілген; жақшадағы мән ескерілмеген, «≥» – жылдамдық бұдан да жоғары болуы мүмкін. "
        "Компьютер кілтінің алғашқы белгілерімен және есебінің нөмірімен аталады; «сервер» – өлшеу туралы "
        "сервердің өз жазбасы хабарлайды. Уақыт белдеуі: {zone}.",
        ru="Скорость — в Мбит/с; значение в скобках не учтено, «≥» означает, что скорость могла быть и выше. "
        "Компьютер назван по первым знакам его ключа и номеру отчёта; «сервер» — об измерении сообщает "
        "запись самого сервера. Часовой пояс: {zone}.",
        en="Speeds in Mbit/s; what stands in brackets did not count, and “≥” may have been faster still. A computer "
        "is named by the beginning of its key's id and the report's number; “server”: what the server's own "
        "record tells of a test. Time zone: {zone}.",
    ),
    # Why a test did not count.
    "reason.signature": Said(
        kk="осы мектеп компьютерінің қолтаңбасы жоқ",
        ru="нет подписи компьютера этой школы",
        en="not signed by a computer of this school",
    ),
    "reason.unreadable": Said(kk="есеп оқылмайды", ru="отчёт не читается", en="the report cannot be read"),
    "reason.key_revoked": Said(
        kk="компьютердің кілтіне сенім жоқ",
        ru="ключу компьютера больше нет доверия",
        en="the computer's key is not trusted",
    ),
    "reason.chain_forked": Said(
        kk="компьютер екі түрлі тарих жіберген",
        ru="компьютер прислал две разные истории",
        en="the computer told two histories",
    ),
    "reason.clock": Said(
        kk="компьютердің сағаты қате болған", ru="часы компьютера были неверны", en="the computer's clock was wrong"
    ),
    "reason.failed": Said(kk="өлшеу нәтиже бермеді", ru="измерение не дало результата", en="no figure came of it"),
    "reason.contradiction": Said(
        kk="мәндер бір-біріне қайшы", ru="значения противоречат друг другу", en="its figures contradict each other"
    ),
    "reason.other_path": Said(
        kk="VPN немесе прокси арқылы өткен", ru="прошло через VPN или прокси", en="went through a VPN or a proxy"
    ),
    "reason.other_line": Said(
        kk="басқа желі арқылы өткен немесе қай желі арқылы өткені белгісіз",
        ru="прошло по другой линии либо неизвестно, по какой",
        en="went over another line, or nobody knows over which",
    ),
    "reason.server_inside": Said(
        kk="сервер оператордың өз желісінде",
        ru="сервер в сети самого оператора",
        en="the server is inside the operator's network",
    ),
    "reason.server_unknown": Said(
        kk="сервердің орны белгісіз", ru="место сервера неизвестно", en="nobody knows where the server stands"
    ),
    "reason.hours": Said(
        kk="шартта көзделген уақыттан тыс", ru="вне часов, указанных в договоре", en="outside of the contract's hours"
    ),
    "reason.no_contract": Said(
        kk="бұл күні шарт болмаған", ru="в этот день договора не было", en="there was no contract on that day"
    ),
    "reason.excluded": Said(
        kk="бағалаудан шығарылған кезең", ru="период исключён из оценки", en="in a span that does not count"
    ),
    "reason.record_differs": Said(
        kk="сервердің жазбасы басқаша көрсетеді", ru="запись сервера говорит иное", en="the server's own record differs"
    ),
    "reason.told_twice": Said(
        kk="осы өлшеу туралы басқа есепте айтылған",
        ru="об этом измерении уже сообщил другой отчёт",
        en="another report told of the same test",
    ),
    "reason.not_wired": Said(
        kk="кабельсіз қосылған (Wi-Fi, мобильді желі)",
        ru="подключение без кабеля (Wi-Fi, мобильная сеть)",
        en="no cable (Wi-Fi, mobile)",
    ),
    "reason.link_unknown": Said(
        kk="қосылу түрі немесе кабельдің жылдамдығы белгісіз",
        ru="вид подключения или скорость кабеля неизвестны",
        en="how it was connected, or how fast the cable is, is not known",
    ),
    "reason.link_narrow": Said(kk="кабель тым баяу", ru="кабель слишком медленный", en="the cable is too slow"),
    "reason.host": Said(
        kk="компьютердің өзі шектеген", ru="ограничивал сам компьютер", en="the computer itself was the limit"
    ),
    "reason.own_traffic": Said(
        kk="осы компьютердің басқа бағдарламалары желіні пайдаланған",
        ru="линию занимали другие программы этого компьютера",
        en="other programs of this computer were on the line",
    ),
    "reason.line_in_use": Said(
        kk="желіні мектептің өзі пайдаланып жатқан",
        ru="линию занимала сама школа",
        en="the school itself used the line",
    ),
    "reason.maybe_in_use": Said(
        kk="желіні басқа біреу пайдалануы мүмкін",
        ru="линию, возможно, занимал кто-то ещё",
        en="somebody else may have used the line",
    ),
    "reason.inside": Said(kk="себеп мектептің ішінде", ru="причина внутри школы", en="the cause is inside the school"),
    "reason.server_limited": Said(kk="сервер шектеген", ru="ограничивал сервер", en="the server was the limit"),
    "reason.chain_torn": Said(
        kk="осы уақыттағы есептердің бір бөлігі жоқ",
        ru="часть отчётов за это время отсутствует",
        en="reports around it are missing",
    ),
    "reason.unreported": Said(
        kk="тек тест сервері хабарлаған", ru="сообщил только тестовый сервер", en="only its test server tells of it"
    ),
    "reason.too_many": Said(
        kk="компьютер бір айда шектен тыс көп есеп жіберген",
        ru="компьютер прислал за месяц невозможно много отчётов",
        en="the computer sent more reports in the month than it can make",
    ),
    "reason.left_out": Said(
        kk="тест серверлерінің жазбалары тым көп, бұл тест оларға сыймады",
        ru="записей тестовых серверов слишком много, эта запись не поместилась",
        en="one of too many records of test servers, for which there was no room",
    ),
    "reason.no_record": Said(
        kk="сервердің жазбасы жоқ", ru="нет записи сервера", en="the server's own record is missing"
    ),
}
