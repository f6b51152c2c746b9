"""What the page says around the verdict: headings, the button, steps, this computer."""

from agent.page.words.said import Said

FRAME: dict[str, Said] = {
    "title": Said(kk="Желіні тексеру", ru="Проверка сети", en="Network check"),
    "language": Said(kk="Тіл", ru="Язык", en="Language"),
    "skip": Said(kk="Негізгі мазмұнға өту", ru="Перейти к содержанию", en="Skip to the content"),
    "question": Said(
        kk="Желі сабаққа жарамды ма?", ru="Готова ли сеть к урокам?", en="Is the network fit for lessons?"
    ),
    "button": Said(kk="Тексеру", ru="Проверить", en="Check now"),
    "button.again": Said(kk="Қайта тексеру", ru="Проверить ещё раз", en="Check again"),
    "running": Said(kk="Тексеру жүріп жатыр", ru="Идёт проверка", en="The check is running"),
    "about": Said(
        kk="Тексеру шамамен бір минутқа созылады. Нәтиже дәл болуы үшін осы компьютердегі жаңартулар мен бейнелерді "
        "тоқтатыңыз.",
        ru="Проверка занимает около минуты. Чтобы результат был точным, остановите на этом компьютере обновления и "
        "видео.",
        en="It takes about a minute. For an exact result, stop updates and videos on this computer first.",
    ),
    "metered": Said(
        kk="Бұл қосылымның ақысы трафик көлеміне қарай төленеді, сондықтан тексеру аз дерек жұмсайды: ол тек қажетті "
        "жылдамдықтың бар-жоғын анықтайды.",
        ru="Это подключение оплачивается по объёму трафика, поэтому проверка расходует мало данных: она лишь выясняет, "
        "хватает ли скорости.",
        en="This connection is paid for by volume, so the check takes little data: it only asks whether the speed is "
        "enough.",
    ),
    "pause": Said(
        kk="Келесі тексеруді {seconds} с кейін бастауға болады: әр тексеру дерек жұмсайды.",
        ru="Следующую проверку можно начать через {seconds} с: каждая проверка расходует данные.",
        en="The next check can begin in {seconds} s: each one takes data.",
    ),
    "busy.now": Said(
        kk="Қазір осы компьютерде жоспарлы тест жүріп жатыр. Тексеруді бастасаңыз, ол сол тест аяқталғанша күтеді.",
        ru="Сейчас на этом компьютере идёт плановый тест. Если начать проверку, она подождёт его окончания.",
        en="A planned test is running on this computer just now. A check that you begin waits until it is over.",
    ),
    "gauge.download": Said(kk="Жүктеп алу", ru="Загрузка", en="Download"),
    "gauge.upload": Said(kk="Жүктеп салу", ru="Отправка", en="Upload"),
    "gauge.unit": Said(kk="Мбит/с", ru="Мбит/с", en="Mbit/s"),
    "gauge.needed": Said(kk="қажеті: {rate} Мбит/с", ru="нужно: {rate} Мбит/с", en="needed: {rate} Mbit/s"),
    "gauge.now": Said(kk="дәл қазір", ru="сейчас", en="just now"),
    "gauge.least": Said(kk="кемінде", ru="не менее", en="at least"),
    "gauge.none": Said(kk="өлшенген жоқ", ru="не измерено", en="not measured"),
    "state.PASS": Said(kk="Жеткілікті", ru="Достаточно", en="Enough"),
    "state.FAIL": Said(kk="Жеткіліксіз", ru="Недостаточно", en="Too slow"),
    "state.UNDECIDED": Said(kk="Анық емес", ru="Не ясно", en="Not clear"),
    "step.begin": Said(kk="Басталып жатыр", ru="Начинаем", en="Beginning"),
    "step.waiting": Said(
        kk="Осы компьютерде басқа тест жүріп жатыр; тексеру одан кейін басталады",
        ru="На этом компьютере идёт другой тест; проверка начнётся после него",
        en="Another test is running on this computer; the check begins after it",
    ),
    "step.link": Said(
        kk="Компьютердің желіге қосылуын қарап жатырмыз",
        ru="Смотрим, как компьютер подключён к сети",
        en="Looking at how this computer is connected",
    ),
    "step.latency": Said(kk="Жауап беру уақытын өлшеп жатырмыз", ru="Измеряем время ответа", en="Timing the answers"),
    "step.lan": Said(
        kk="Мектептің ішкі желісін қарап жатырмыз",
        ru="Смотрим сеть внутри школы",
        en="Looking at the network inside the school",
    ),
    "step.wifi": Said(kk="Wi-Fi желісін қарап жатырмыз", ru="Смотрим сеть Wi-Fi", en="Looking at the Wi-Fi"),
    "step.engine": Said(
        kk="Тест серверіне қосылып жатырмыз", ru="Подключаемся к серверу тестов", en="Connecting to the test server"
    ),
    "step.download": Said(
        kk="Жүктеп алу жылдамдығын өлшеп жатырмыз", ru="Измеряем скорость загрузки", en="Measuring the download speed"
    ),
    "step.upload": Said(
        kk="Жүктеп салу жылдамдығын өлшеп жатырмыз", ru="Измеряем скорость отправки", en="Measuring the upload speed"
    ),
    "step.sending": Said(kk="Нәтижені жіберіп жатырмыз", ru="Отправляем результат", en="Sending the result"),
    "lost": Said(
        kk="Бет бағдарламамен байланысты жоғалтты. Оны қайта іске қосыңыз: netready-agent page",
        ru="Страница потеряла связь с программой. Запустите её снова: netready-agent page",
        en="The page has lost its program. Start it again: netready-agent page",
    ),
    "verdict.PASS": Said(
        kk="Иә, желі сабаққа жарамды", ru="Да, сеть готова к урокам", en="Yes, the network is fit for lessons"
    ),
    "verdict.FAIL": Said(
        kk="Жоқ, желінің жылдамдығы сабаққа жетпейді",
        ru="Нет, скорости сети для уроков не хватает",
        en="No, the network is too slow for lessons",
    ),
    "verdict.UNDECIDED": Said(kk="Әзірге нақты айту мүмкін емес", ru="Пока сказать нельзя", en="It cannot be said yet"),
    "word.PASS": Said(kk="СӘЙКЕС", ru="СООТВЕТСТВУЕТ", en="PASS"),
    "word.FAIL": Said(kk="СӘЙКЕС ЕМЕС", ru="НЕ СООТВЕТСТВУЕТ", en="FAIL"),
    "word.UNDECIDED": Said(kk="ШЕШІЛГЕН ЖОҚ", ru="НЕ РЕШЕНО", en="UNDECIDED"),
    "last": Said(kk="Соңғы тест: {moment}", ru="Последний тест: {moment}", en="The last test: {moment}"),
    "floor": Said(
        kk="Оқушылар саны белгісіз, сондықтан кез келген мектепке қажет ең аз жылдамдық бойынша бағаланды.",
        ru="Число учеников неизвестно, поэтому оценка дана по наименьшей скорости, нужной любой школе.",
        en="The number of pupils is not known, so this is judged by the least speed that any school needs.",
    ),
    "target": Said(
        kk="Оқушылар саны {pupils} болатын мектепке қажеті: {down} Мбит/с жүктеп алу, {up} Мбит/с жүктеп салу.",
        ru="Школе с числом учеников {pupils} нужно: {down} Мбит/с загрузки, {up} Мбит/с отправки.",
        en="A school with this number of pupils ({pupils}) needs {down} Mbit/s down and {up} Mbit/s up.",
    ),
    "why": Said(kk="Себебі", ru="Причина", en="Why"),
    "unsure": Said(
        kk="Бұл – бір тест бойынша жасалған болжам.",
        ru="Это предположение по одному тесту.",
        en="This is a guess from one test.",
    ),
    "fix": Said(kk="Не істеу керек", ru="Что исправить", en="What to fix"),
    "fix.pass": Said(kk="Біле жүріңіз", ru="Полезно знать", en="Worth knowing"),
    "detail": Said(kk="Мәлімет ағылшын тілінде:", ru="Подробность на английском:", en="Detail:"),
    "figures": Said(
        kk="Негіз болған сандар (ағылшын тілінде)", ru="На чём это основано (на английском)", en="What this rests on"
    ),
    "sent": Said(
        kk="Нәтиже жинақтағышқа жіберілді.",
        ru="Результат отправлен в сборщик.",
        en="The result was sent to the collector.",
    ),
    "kept": Said(
        kk="Нәтиже осы компьютерде сақталды, кейін жіберіледі.",
        ru="Результат сохранён на этом компьютере и будет отправлен позже.",
        en="The result is kept on this computer and will be sent later.",
    ),
    "alone": Said(
        kk="Нәтиже ешқайда жіберілмейді және осы бет жабылғанша ғана сақталады.",
        ru="Результат никуда не отправляется и хранится, только пока открыта эта программа.",
        en="The result is sent nowhere and is kept only until this program ends.",
    ),
    "trouble": Said(kk="Тексеру орындалмады.", ru="Проверку выполнить не удалось.", en="The check could not be done."),
    "trouble.busy": Said(
        kk="Осы компьютердегі басқа тест аяқталмады. Бірнеше минуттан кейін қайта тексеріңіз.",
        ru="Другой тест на этом компьютере не закончился. Проверьте ещё раз через несколько минут.",
        en="Another test on this computer did not end. Check again in a few minutes.",
    ),
    "trouble.left": Said(
        kk="Тексеру үзіліп қалды: бағдарламада қате бар.",
        ru="Проверка прервалась: в программе ошибка.",
        en="The check broke off: there is a fault in the program.",
    ),
    "homeless": Said(
        kk="Бұл компьютер әлі ешбір мектепке тіркелмеген, сондықтан тест сервері белгісіз. Оны мектепке тіркеңіз:",
        ru="Этот компьютер ещё не привязан ни к одной школе, поэтому сервер тестов неизвестен. Привяжите его к школе:",
        en="This computer belongs to no school yet, so no test server is known. Let it join its school:",
    ),
    "history": Said(kk="Осы компьютердің тарихы", ru="История этого компьютера", en="History of this computer"),
    "history.about": Said(
        kk="Соңғы тесттер (ең көбі {count}), ең жаңасы жоғарыда. Бұрынғылары жинақтағышта сақталады.",
        ru="Последние тесты (не более {count}), новые сверху. Более ранние хранит сборщик.",
        en="The last tests (at most {count}), the newest first. The collector has the earlier ones.",
    ),
    "history.none": Said(
        kk="Бұл компьютерде әлі тест жүргізілген жоқ. Жоғарыдағы батырманы басыңыз.",
        ru="На этом компьютере тестов ещё не было. Нажмите кнопку выше.",
        en="This computer has made no test yet. Press the button above.",
    ),
    "history.broken": Said(
        kk="Оқу мүмкін болмаған жазбалар саны: {count}.",
        ru="Записей, которые не удалось прочитать: {count}.",
        en="Records that could not be read: {count}.",
    ),
    "history.when": Said(kk="Уақыты", ru="Когда", en="When"),
    "history.result": Said(kk="Нәтижесі", ru="Итог", en="Result"),
    "trigger.manual": Said(kk="қолмен", ru="вручную", en="by hand"),
    "trigger.scheduled": Said(kk="жоспар бойынша", ru="по расписанию", en="as planned"),
    "trigger.ordered": Said(kk="сұрау бойынша", ru="по запросу", en="as asked for"),
    "trigger.once": Said(kk="бір реттік пәрменмен", ru="разовой командой", en="by one command"),
    "computer": Said(kk="Осы компьютер", ru="Этот компьютер", en="This computer"),
    "school": Said(kk="Мектеп", ru="Школа", en="School"),
    "room": Said(kk="Кабинет", ru="Кабинет", en="Room"),
    "room.none": Said(kk="көрсетілмеген", ru="не указан", en="not told"),
    "waiting": Said(kk="Жіберуді күтіп тұрған есептер", ru="Отчётов ждёт отправки", en="Reports that wait to be sent"),
    "waiting.next": Said(
        kk="Жіберудің келесі әрекеті: {moment}",
        ru="Следующая попытка отправки: {moment}",
        en="Next try to send: {moment}",
    ),
    "refused": Said(kk="Қабылданбаған есептер", ru="Отклонённых отчётов", en="Reports that were refused"),
    "dropped": Said(
        kk="Жіберілмей жойылған есептер", ru="Удалено без отправки", en="Reports dropped before they were sent"
    ),
    "next": Said(kk="Келесі тест", ru="Следующий тест", en="Next test"),
    "next.none": Said(kk="жоспарланбаған", ru="не запланирован", en="none planned"),
    "data": Said(
        kk="Осы айда тесттер жұмсаған дерек", ru="Тесты израсходовали за месяц", en="Taken by tests this month"
    ),
    "data.of": Said(kk="{spent} МБ, шегі {limit} МБ", ru="{spent} МБ из {limit} МБ", en="{spent} MB of {limit} MB"),
    "data.spent": Said(kk="{spent} МБ", ru="{spent} МБ, без ограничения", en="{spent} MB, no limit"),
    "collector": Said(kk="Жинақтағыш", ru="Сборщик", en="Collector"),
    "server": Said(kk="Тест сервері", ru="Сервер тестов", en="Test server"),
    "send.trouble": Said(
        kk="Жинақтағышпен байланыс болмай тұр.",
        ru="Связаться со сборщиком не удаётся.",
        en="The collector cannot be reached.",
    ),
    "revoked": Said(
        kk="Жинақтағыш бұл компьютердің есептерін енді қабылдамайды. Мектептің IT маманына айтыңыз.",
        ru="Сборщик больше не принимает отчёты этого компьютера. Скажите об этом школьному ИТ-специалисту.",
        en="The collector takes no more reports of this computer. Tell the school's IT teacher.",
    ),
    "synthetic": Said(
        kk="Көрсетуге арналған жасанды деректер: мұндай мектеп жоқ.",
        ru="Синтетические данные для показа: такой школы нет.",
        en="Synthetic data for a demonstration: there is no such school.",
    ),
    "unreadable": Said(
        kk="Осы компьютердің жазбаларын оқу мүмкін болмады.",
        ru="Записи этого компьютера прочитать не удалось.",
        en="What this computer keeps could not be read.",
    ),
    "footer": Said(
        kk="Бұл бет тек осы компьютерде ашылады. Терминалда Ctrl-C басылғанша жұмыс істейді.",
        ru="Эта страница доступна только на этом компьютере и работает, пока в терминале не нажато Ctrl-C.",
        en="This page opens on this computer only, and works until Ctrl-C in its terminal.",
    ),
    "refusal.title": Said(kk="Бұл орындалмады", ru="Это не получилось", en="This did not work"),
    "refusal.back": Said(kk="Бетке оралу", ru="Вернуться на страницу", en="Back to the page"),
    "refusal.host": Said(
        kk="Бет тек осы компьютердің өз мекенжайы арқылы ашылады.",
        ru="Страница открывается только по собственному адресу этого компьютера.",
        en="The page opens only by this computer's own address.",
    ),
    "refusal.foreign": Said(
        kk="Тексеруді тек осы беттің өз батырмасы бастай алады. Бетті қайта жүктеп, батырманы басыңыз.",
        ru="Проверку начинает только кнопка самой этой страницы. Обновите страницу и нажмите кнопку.",
        en="Only this page's own button begins a check. Load the page again and press the button.",
    ),
    "refusal.missing": Said(kk="Мұндай бет жоқ.", ru="Такой страницы нет.", en="There is no such page."),
    "refusal.method": Said(
        kk="Бұл бет мұндай сұрауды қабылдамайды.",
        ru="Такие запросы эта страница не принимает.",
        en="This page takes no such request.",
    ),
    "refusal.large": Said(
        kk="Сұрау тым үлкен немесе толық емес.",
        ru="Запрос слишком большой или неполный.",
        en="The request is too large, or not whole.",
    ),
    "refusal.many": Said(
        kk="Бет тым көп терезеде ашық. Артықтарын жабыңыз.",
        ru="Страница открыта в слишком многих окнах. Закройте лишние.",
        en="The page is open in too many windows. Close some of them.",
    ),
}
