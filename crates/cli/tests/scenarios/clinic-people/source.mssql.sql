-- Fifteen people of the demo's clinic.
CREATE TABLE client (
  id INT NOT NULL PRIMARY KEY,
  file_no NVARCHAR(20) NOT NULL,
  first_name NVARCHAR(60) NOT NULL,
  last_name NVARCHAR(60) NOT NULL,
  birth_date DATE,
  gender NVARCHAR(1),
  insurance_no NVARCHAR(20),
  email NVARCHAR(160),
  phone NVARCHAR(40),
  street NVARCHAR(120),
  postcode NVARCHAR(12),
  city NVARCHAR(60),
  registered_on DATE NOT NULL
);
CREATE UNIQUE INDEX client_file_no ON client (file_no);
CREATE TABLE contact (
  id INT NOT NULL PRIMARY KEY,
  client_id INT NOT NULL REFERENCES client (id),
  full_name NVARCHAR(120) NOT NULL,
  phone NVARCHAR(40)
);
CREATE TABLE note (
  id INT NOT NULL PRIMARY KEY,
  client_id INT NOT NULL REFERENCES client (id),
  written_on DATE NOT NULL,
  body NVARCHAR(MAX) NOT NULL
);
INSERT INTO client (id, file_no, first_name, last_name, birth_date, gender, insurance_no, email, phone, street, postcode, city, registered_on) VALUES
  (1, N'F2009-00001', N'Ngozi', N'Kwiatkoides', N'1985-03-27', N'F', N'PL0998-01L00001', N'ngozi.kwiatkoides1@home.example', N'+49 30 5521218', N'Hrvatske Bratske 167', N'EC2 4AA', N'Thamesbury', N'2009-03-29'),
  (2, N'F2009-00002', N'Halszka', N'Lewandowska', N'2016-01-06', N'X', N'PL1596-02M00002', NULL, N'+48 612 271 832', N'Calle Desengaño 121', N'61-701', N'Wielkopole', N'2009-10-14'),
  (3, N'F2009-00003', N'Dagný', N'Pereyaswski', N'2006-12-06', N'X', N'PL6226-03K00003', N'dagni.pereyaswski3@uni.example', N'+44 7994 115501', N'Plac Wolności 4', N'80331', N'Altmünchen', N'2009-07-18'),
  (4, N'F2009-00004', N'Radosława', N'Æthelstnen-Holt', N'2011-08-16', N'F', N'PL5278-04L00004', N'radoslawa.thelstnenholt4@home.example', N'+48 679 678 980', N'Blackfriars Mews 7', N'61-701', N'Wielkopole', N'2009-05-11'),
  (5, N'F2009-00005', N'Priyanka', N'Rangihunaoğlu', N'2006-08-13', N'F', N'PL1148-05M00005', NULL, NULL, N'Hrvatske Bratske 124', N'10117', N'Neu-Spreewerder', N'2009-05-05'),
  (6, N'F2009-00006', N'Mbali', N'Tchórzeani', NULL, N'X', NULL, N'mbali.tchorzeani6@post.example', N'+44 7941 123520', N'Blackfriars Mews 83', N'61-701', N'Wielkopole', N'2009-01-12'),
  (7, N'F2009-00007', N'Radosława', N'Tchórzesdóttir', N'1981-11-17', N'M', N'PL7157-07L00007', N'radoslawa.tchorzesdottir7@home.example', N'+44 7962 189594', N'Plac Wolności 62', N'80331', N'Altmünchen', N'2009-01-30'),
  (8, N'F2009-00008', N'Żaneta', N'Starodubani', N'1939-08-11', N'F', N'PL0481-08M00008', N'zaneta.starodubani8@home.example', N'+48 662 900 739', N'Rua das Janelas 11', N'02-495', N'Ursynowice', N'2009-04-24'),
  (9, N'F2009-00009', N'Björgvin', N'Niedźwinen-Holt', N'2006-05-29', N'X', N'PL9914-09K00009', NULL, N'+49 30 4121319', N'Blackfriars Mews 185', N'61-701', N'Wielkopole', N'2009-10-03'),
  (10, N'F2009-00010', N'Gvantsa', N'Pereyassdóttir', N'1962-02-26', N'M', N'PL1340-10L00010', NULL, N'+49 30 8146823', N'Calle Desengaño 29', N'61-701', N'Wielkopole', N'2009-02-12'),
  (11, N'F2009-00011', N'Kwabena', N'Ujvárosmba', N'1954-08-09', N'M', N'PL6549-11M00011', N'kwabena.ujvarosmba11@home.example', NULL, NULL, N'31-019', N'Nowa Krakówka', N'2009-12-26'),
  (12, N'F2009-00012', N'Sakura', N'Šimonauswski', N'1994-01-16', N'X', N'PL4701-12K00012', N'sakura.simonauswski12@poczta.example', N'+48 657 271 403', N'Kurfürstendammweg 28', N'10117', N'Neu-Spreewerder', N'2009-11-18'),
  (14, N'F2009-00014', N'Ekaterini', N'Brzozoides', N'2006-04-08', N'M', N'PL1308-14M00014', NULL, N'+48 640 074 218', N'Blackfriars Mews 21', N'10117', N'Neu-Spreewerder', N'2009-03-16'),
  (29999, N'F2015-29999', N'Zeynep', N'Đurđeviwski', N'2008-10-10', N'M', N'PL1989-26M29999', NULL, N'+48 683 833 693', N'Calle Desengaño 107', N'10117', N'Neu-Spreewerder', N'2015-11-19'),
  (30023, N'f 2009-00161 ', N'Mbali', N'Ujvároswski', N'2002-02-16', N'M', N'PL7307-50M30023', N'mbali.ujvaroswski30023@poczta.example', N'+48 650 469 694', N'Plac Wolności 34', N'10117', N'Neu-Spreewerder', N'2009-11-13');
INSERT INTO contact (id, client_id, full_name, phone) VALUES
  (1, 1, N'Ngozi Kwiatkoides', N'+49 30 5521218'),
  (2, 2, N'Ngozi Kwiatkoides', N'+49 30 5521218'),
  (3, 3, N'Halszka Lewandowska', N'+48 612 271 832'),
  (4, 6, N'Priyanka Rangihunaoğlu', N'+48 649 176 926'),
  (5, 7, N'Mbali Tchórzeani', N'+44 7941 123520'),
  (6, 8, N'Radosława Tchórzesdóttir', N'+44 7962 189594'),
  (7, 10, N'Björgvin Niedźwinen-Holt', N'+49 30 4121319'),
  (8, 12, N'Kwabena Ujvárosmba', N'+49 30 7441631'),
  (10, 14, N'Eilidh Maciejonyi', N'+48 679 372 565'),
  (17930, 29999, N'Gvantsa Hovhannidze', N'+44 7912 115789'),
  (17944, 30023, N'Þórdís Rangihunawska', N'+48 664 157 354');
INSERT INTO note (id, client_id, written_on, body) VALUES
  (1, 1, N'2010-05-09', N'Referred by Dr. Kwiatkoides (+49 30 5521218). Papers are in the second folder.'),
  (2, 1, N'2017-07-25', N'Called Ngozi Kwiatkoides at +49 30 5521218, no answer. Left a message with Ngozi Kwiatkoides.'),
  (3, 1, N'2018-05-10', N'Nie przyszła. Kwiatkoides Ngozi prosi o nowy termin, tel. +49 30 5521218.'),
  (4, 3, N'2022-11-12', N'Sent the form to dagni.pereyaswski3@uni.example; the copy for Halszka Lewandowska goes by post.'),
  (5, 3, N'2020-12-25', N'Nie przyszła. Pereyaswski Dagný prosi o nowy termin, tel. +44 7994 115501.'),
  (6, 3, N'2020-07-16', N'Dagný asked to be written to at dagni.pereyaswski3@uni.example and not to be called in the mornings.'),
  (7, 3, N'2014-07-17', N'Nie przyszła. Pereyaswski Dagný prosi o nowy termin, tel. +44 7994 115501.'),
  (8, 4, N'2016-05-12', N'Frau Æthelstnen-Holt hat abgesagt und bittet um Rückruf (+48 679 678 980).'),
  (9, 4, N'2014-10-26', N'Nie przyszła. Æthelstnen-Holt Radosława prosi o nowy termin, tel. +48 679 678 980.'),
  (10, 6, N'2011-01-05', N'Nie przyszła. Tchórzeani Mbali prosi o nowy termin, tel. +44 7941 123520.'),
  (11, 6, N'2019-10-22', N'Frau Tchórzeani hat abgesagt und bittet um Rückruf (+44 7941 123520).'),
  (12, 7, N'2024-12-22', N'Emergency contact changed to Mbali Tchórzeani, +44 7941 123520.'),
  (13, 7, N'2021-02-11', N'Frau Tchórzesdóttir hat abgesagt und bittet um Rückruf (+44 7962 189594).'),
  (14, 7, N'2015-04-18', N'Emergency contact changed to Mbali Tchórzeani, +44 7941 123520.'),
  (15, 7, N'2016-01-02', N'Nie przyszła. Tchórzesdóttir Radosława prosi o nowy termin, tel. +44 7962 189594.'),
  (16, 7, N'2017-09-28', N'Nie przyszła. Tchórzesdóttir Radosława prosi o nowy termin, tel. +44 7962 189594.'),
  (17, 8, N'2016-03-31', N'Żaneta asked to be written to at zaneta.starodubani8@home.example and not to be called in the mornings.'),
  (18, 9, N'2017-08-24', N'Referred by Dr. Starodubani (+48 662 900 739). Papers are in the second folder.'),
  (19, 9, N'2024-04-19', N'Sent the form to bjorgvin.niedzwinenholt9@mail.example; the copy for Żaneta Starodubani goes by post.'),
  (20, 9, N'2020-09-01', N'Plan agreed: two sessions a month, review after the summer.'),
  (21, 11, N'2014-05-05', N'No change since the last session. Next appointment as usual.'),
  (22, 11, N'2011-06-23', N'No change since the last session. Next appointment as usual.'),
  (23, 12, N'2024-05-24', N'Sakura asked to be written to at sakura.simonauswski12@poczta.example and not to be called in the mornings.'),
  (24, 12, N'2020-11-20', N'Emergency contact changed to Kwabena Ujvárosmba, +49 30 7441631.'),
  (28, 14, N'2016-03-14', N'Plan agreed: two sessions a month, review after the summer.'),
  (29, 14, N'2026-01-11', N'Called Ekaterini Brzozoides at +48 640 074 218, no answer. Left a message with Eilidh Maciejonyi.'),
  (30, 14, N'2018-09-28', N'Sent the form to ekaterini.brzozoides14@uni.example; the copy for Eilidh Maciejonyi goes by post.');
