"""What is said of each direction's speed, and of each cause; whole sentences, chosen by the words in the report."""

from agent.page.words.said import Said, of_both_ways

SPEEDS: dict[str, Said] = of_both_ways(
    {
        "PASS": Said(
            kk="<way> – {rate} Мбит/с, қажеті – {needed} Мбит/с: жетеді.",
            ru="<way> – {rate} Мбит/с, нужно {needed} Мбит/с: хватает.",
            en="<way> {rate} Mbit/s, needed {needed} Mbit/s: enough.",
        ),
        "PASS.least": Said(
            kk="<way> – кемінде {rate} Мбит/с, қажеті – {needed} Мбит/с: жетеді.",
            ru="<way> – не менее {rate} Мбит/с, нужно {needed} Мбит/с: хватает.",
            en="<way> at least {rate} Mbit/s, needed {needed} Mbit/s: enough.",
        ),
        "PASS.tolerance": Said(
            kk="<way> – {rate} Мбит/с, қажеті – {needed} Мбит/с: өлшеу дәлдігін ({tolerance} %) ескергенде жетеді.",
            ru="<way> – {rate} Мбит/с, нужно {needed} Мбит/с: с учётом точности измерения ({tolerance} %) хватает.",
            en="<way> {rate} Mbit/s, needed {needed} Mbit/s: enough, with {tolerance} % allowed for the measurement.",
        ),
        "FAIL": Said(
            kk="<way> – {rate} Мбит/с, қажеті – {needed} Мбит/с: жетпейді.",
            ru="<way> – {rate} Мбит/с, нужно {needed} Мбит/с: не хватает.",
            en="<way> {rate} Mbit/s, needed {needed} Mbit/s: too slow.",
        ),
        "close": Said(
            kk="<way> – {rate} Мбит/с, қажеті – {needed} Мбит/с: шекке тым жақын, бір тестпен шешуге болмайды.",
            ru="<way> – {rate} Мбит/с, нужно {needed} Мбит/с: слишком близко к границе, одним тестом не решить.",
            en="<way> {rate} Mbit/s, needed {needed} Mbit/s: too close to call from one test.",
        ),
        "open": Said(
            kk="<way> – {rate} Мбит/с, қажеті – {needed} Мбит/с: желі бұл тест көрсеткеннен жылдам болуы мүмкін.",
            ru="<way> – {rate} Мбит/с, нужно {needed} Мбит/с: линия может быть быстрее, чем показал этот тест.",
            en="<way> {rate} Mbit/s, needed {needed} Mbit/s: the line may be faster than this test could show.",
        ),
        "floor": Said(
            kk="<way> – {rate} Мбит/с: бұл кез келген мектепке қажет ең аз жылдамдыққа ({needed} Мбит/с) жетеді.",
            ru="<way> – {rate} Мбит/с: наименьшее, что нужно любой школе ({needed} Мбит/с), есть.",
            en="<way> {rate} Mbit/s: the least that any school needs ({needed} Mbit/s) is there.",
        ),
        "none": Said(kk="<way> өлшенген жоқ.", ru="<way> не измерена.", en="<way> was not measured."),
    }
)

CAUSES: dict[str, Said] = {
    "HOST": Said(
        kk="Бұл компьютер тест үшін тым баяу болды, сондықтан нәтиже желі туралы ештеңе айтпайды: басқа "
        "бағдарламаларды "
        "жабыңыз немесе жылдамырақ компьютерде өлшеңіз.",
        ru="Этот компьютер оказался слишком медленным для теста, поэтому о сети результат ничего не говорит: закройте "
        "другие программы или измерьте на более быстром компьютере.",
        en="This computer was too slow for the test, so it says nothing about the network: close other programs, or "
        "measure on a faster computer.",
    ),
    "HOST.vpn": Said(
        kk="Тест VPN арқылы өтті: оны өшіріп, қайта өлшеңіз.",
        ru="Тест шёл через VPN: отключите его и измерьте снова.",
        en="A VPN carried the test: switch it off and measure again.",
    ),
    "HOST.proxy": Said(
        kk="Тест прокси арқылы өтті: бұл компьютерге тест серверіне тікелей қосылуға рұқсат беріңіз.",
        ru="Тест шёл через прокси: разрешите этому компьютеру обращаться к серверу тестов напрямую.",
        en="A proxy carried the test: let this computer reach the test server directly.",
    ),
    "HOST.sleep": Said(
        kk="Тест кезінде компьютер ұйқы режиміне өтті: оны ояу қалпында ұстап, қайта өлшеңіз.",
        ru="Во время теста компьютер уходил в сон: не давайте ему засыпать и измерьте снова.",
        en="This computer slept during the test: keep it awake and measure again.",
    ),
    "HOST.network_changed": Said(
        kk="Тест кезінде компьютер басқа желіге ауысты: бір кабельде немесе бір Wi-Fi желісінде қалыңыз.",
        ru="Во время теста компьютер перешёл в другую сеть: останьтесь на одном кабеле или Wi-Fi.",
        en="This computer changed its network during the test: keep to one cable or Wi-Fi.",
    ),
    "HOST.cross_traffic": Said(
        kk="Бұл компьютер желіні өзі пайдаланып жатты: жаңартуларды, бұлтқа көшіруді және бейнені тоқтатып, қайта "
        "өлшеңіз.",
        ru="Этот компьютер сам пользовался сетью: остановите обновления, копирование в облако и видео и измерьте "
        "снова.",
        en="This computer was using the network itself: stop updates, cloud copies and video, and measure again.",
    ),
    "LAN_WIRED": Said(
        kk="Жылдамдықты оператордың желісі емес, компьютер мен маршрутизатор арасындағы кабель, порт немесе коммутатор "
        "төмендетіп тұр: басқа кабельді (Cat 5e немесе одан жақсысын) және басқа портты, содан кейін коммутаторды "
        "ауыстырып көріңіз.",
        ru="Скорость снижает не линия оператора, а кабель, порт или коммутатор между компьютером и маршрутизатором: "
        "попробуйте другой кабель (Cat 5e или лучше) и другой порт, затем коммутатор.",
        en="The cable, port or switch between this computer and the router is what slows it down, not the operator's "
        "line: try another cable (Cat 5e or better) and another port, then the switch.",
    ),
    "WIFI_COVERAGE": Said(
        kk="Компьютер тұрған жерде Wi-Fi сигналы тым әлсіз: оны кіру нүктесіне жақындатыңыз немесе осы кабинетке кіру "
        "нүктесін орнаттырыңыз.",
        ru="Там, где стоит компьютер, сигнал Wi-Fi слишком слаб: перенесите его ближе к точке доступа или попросите "
        "поставить точку доступа в этом кабинете.",
        en="The Wi-Fi signal is too weak where this computer stands: move it closer to an access point, or have one "
        "put "
        "in this room.",
    ),
    "WIFI_INTERFERENCE": Said(
        kk="Wi-Fi сигналы компьютерге жетеді, бірақ эфир толы немесе кедергі бар: 5 ГГц диапазонын, басқа арнаны "
        "немесе "
        "кабельді пайдаланыңыз, бір кіру нүктесіне қосылған құрылғыларды азайтыңыз.",
        ru="Wi-Fi до компьютера доходит, но эфир перегружен или есть помехи: используйте диапазон 5 ГГц, другой канал "
        "или кабель и подключайте к одной точке доступа меньше устройств.",
        en="The Wi-Fi reaches this computer, but the air is crowded or disturbed: use the 5 GHz band, another channel "
        "or a cable, and put fewer devices on one access point.",
    ),
    "WIFI_CONFIG": Said(
        kk="Wi-Fi сигналы жақсы, бірақ баптаулары жылдамдықты шектейді: 5 ГГц диапазонын пайдаланыңыз, ал кіру "
        "нүктелеріне жауапты маман олардың диапазонын, арна енін және кабелін тексерсін.",
        ru="Сигнал Wi-Fi хороший, но скорость ограничивают настройки: используйте диапазон 5 ГГц, а ответственный за "
        "точки доступа пусть проверит их диапазон, ширину канала и кабель.",
        en="The Wi-Fi signal is good, but its settings hold this computer back: use the 5 GHz band, and let whoever "
        "looks after the access points check their band, channel width and cable.",
    ),
    "LINE_SATURATED": Said(
        kk="Мектептің желісін басқа трафик толтырып тұр: кім жүктеп жатқанын анықтаңыз, сабақ кезінде жаңартуларды "
        "тоқтатыңыз немесе жылдамырақ тарифке тапсырыс беріңіз. Ешкімнің кінәсі жоқ.",
        ru="Линия школы занята другим трафиком: выясните, кто качает, остановите обновления на время уроков или "
        "закажите тариф побольше. Никто не виноват.",
        en="The school's line is full of other traffic: see who is downloading, stop updates in lessons, or order a "
        "larger plan. Nobody is at fault.",
    ),
    "LINE_SATURATED.maybe": Said(
        kk="Желіні мектептің басқа трафигі толтырып тұруы мүмкін, бірақ оны ешкім есептеген жоқ: кім жүктеп жатқанын "
        "және камералар қанша жіберетінін қараңыз, сабақ кезінде жаңартуларды тоқтатыңыз, ешкім желіде болмағанда "
        "қайта "
        "өлшеңіз.",
        ru="Возможно, линию занимает другой трафик школы, но его никто не считал: посмотрите, кто качает и сколько "
        "отправляют камеры, остановите обновления на время уроков и измерьте снова, когда в сети больше никого нет.",
        en="Other traffic of the school may fill the line, but nobody counted it: see who is downloading and what "
        "cameras send, stop updates in lessons, and measure again when nobody else is online.",
    ),
    "LOWER_PLAN.contract": Said(
        kk="Желі шартта уәде етілгенін береді, бірақ бұл мектепке қажеттіден аз: жылдамырақ тарифке тапсырыс беріңіз.",
        ru="Линия даёт то, что обещано договором, но школе нужно больше: закажите тариф побольше.",
        en="The line does what its contract promises, and that is less than the school needs: order a larger plan.",
    ),
    "LOWER_PLAN.download": Said(
        kk="Жүктеп алу жылдамдығы кішірек тарифке ({rate} Мбит/с) ұқсайды: желіге шағымданбас бұрын шотты шартпен "
        "салыстырыңыз.",
        ru="Скорость загрузки похожа на меньший тариф ({rate} Мбит/с): прежде чем жаловаться на линию, сравните счёт с "
        "договором.",
        en="The download looks like that of a smaller plan ({rate} Mbit/s): compare the bill with the contract before "
        "complaining about the line.",
    ),
    "LOWER_PLAN.upload": Said(
        kk="Жүктеп салу жылдамдығы кішірек тарифке ({rate} Мбит/с) ұқсайды немесе қалғанын камералар алып тұр: желіге "
        "шағымданбас бұрын шотты шартпен салыстырыңыз.",
        ru="Скорость отправки похожа на меньший тариф ({rate} Мбит/с), либо остальное занимают камеры: прежде чем "
        "жаловаться на линию, сравните счёт с договором.",
        en="The upload looks like that of a smaller plan ({rate} Mbit/s), or cameras use the rest: compare the bill "
        "with the contract before complaining about the line.",
    ),
    "ISP_LINE": Said(
        kk="Оператордың желісі шартта уәде етілгеннен баяу, ал басқа кедергі табылған жоқ. Мұны байланыс операторына "
        "көрсетіңіз.",
        ru="Линия оператора медленнее, чем обещано договором, и ничто другое этому не мешает. Покажите это оператору "
        "связи.",
        en="The operator's line is slower than the contract promises, with nothing else in the way. Show this to the "
        "operator.",
    ),
    "MIXED": Said(
        kk="Мұнда бірден артық нәрсе баяу: алдымен мектептің ішіндегісін жөндеңіз, содан кейін қайта өлшеңіз.",
        ru="Здесь медленно сразу несколько звеньев: сначала исправьте то, что внутри школы, затем измерьте снова.",
        en="More than one thing is slow here: mend what is inside the school first, then measure again.",
    ),
    "HEALTHY.contract": Said(
        kk="Бәрі дұрыс: бұл компьютер шартта уәде етілгенін алып тұр.",
        ru="Всё в порядке: этот компьютер получает то, что обещано договором.",
        en="Nothing is the matter: this computer gets what the contract promises.",
    ),
    "HEALTHY.need": Said(
        kk="Бәрі дұрыс: бұл компьютер мектепке қажеттісін алып тұр.",
        ru="Всё в порядке: этот компьютер получает то, что нужно школе.",
        en="Nothing is the matter: this computer gets what the school needs.",
    ),
    "INSUFFICIENT.failed": Said(
        kk="Бағалайтын жылдамдық жоқ: тест өткен жоқ.",
        ru="Оценивать нечего: тест не состоялся.",
        en="There is no speed to judge: the test did not come about.",
    ),
    "INSUFFICIENT.wifi": Said(
        kk="Бұл компьютер Wi-Fi арқылы баяу жұмыс істейді, себебі көрінбейді: желіні кінәламас бұрын оны "
        "маршрутизаторға "
        "кабельмен қосып, қайта өлшеңіз.",
        ru="По Wi-Fi этот компьютер работает медленно, и причина не видна: прежде чем винить линию, подключите его к "
        "маршрутизатору кабелем и измерьте снова.",
        en="This computer is slow over Wi-Fi and nothing shows why: plug it into the router with a cable and measure "
        "again before blaming the line.",
    ),
    "INSUFFICIENT.ethernet": Said(
        kk="Баяу нәтижені осы компьютердегі ештеңе түсіндірмейді; оператордың желісі немесе кабель баяу болуы мүмкін. "
        "Нақты білу үшін басқа уақытта және басқа күні қайта өлшеңіз.",
        ru="На этом компьютере ничто не объясняет медленный результат; медленной может быть линия оператора или "
        "кабель. "
        "Чтобы знать точно, измерьте снова в другое время и в другой день.",
        en="Nothing at this computer explains the slow result; the operator's line or the cable may be slow. To be "
        "sure, measure again at another hour and on another day.",
    ),
    "INSUFFICIENT": Said(
        kk="Ненің баяу екенін айтуға дерек жеткіліксіз: мүмкін болса кабельмен қосылып, қайта өлшеңіз.",
        ru="Чтобы сказать, что именно медленно, данных не хватает: измерьте снова, по возможности по кабелю.",
        en="There is not enough to say what is slow: measure again, by cable if you can.",
    ),
    "pupils": Said(
        kk="Мектепке қажет жылдамдық оқушылар санына байланысты, ал ол белгісіз.",
        ru="Нужная школе скорость зависит от числа учеников, а оно неизвестно.",
        en="How much this school needs depends on its number of pupils, which is not known.",
    ),
    "no speed": Said(
        kk="Жылдамдықты өлшеу мүмкін болмады.", ru="Измерить скорость не удалось.", en="No speed could be measured."
    ),
}
